"""`validate`: checks project and mappings offline; with --live also what the ends have to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.arguments import AsJson, Objects
from engine.cli.context import Context, examples, of
from engine.inspect import Answers, ask, exposures, late_children
from engine.mapping import MappingSpec
from engine.run import missing_variables
from engine.values import ConfigError, Exit, Problem


@dataclass(slots=True)
class Report:
    """What was found."""

    objects: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)  # sentences

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return Exit.CONFIG if self.problems else Exit.UNAVAILABLE if self.unavailable else Exit.DONE


commands = typer.Typer(rich_markup_mode=None)


@commands.command("validate", epilog=examples("validate", "validate stocks clients", "validate --live"))
def _validate(
    ctx: typer.Context,
    objects: Objects = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Also ask the ends: columns, tables, procedures, keys that repeat, first rows."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check project and mappings; every problem is one line that says where and what to do.

    Needs neither ends nor variables, unless --live asks for them. Exit 2 with problems, 6 when an end does not answer.
    """
    context = of(ctx)
    report = _report(context, objects or [], live=live)
    if as_json:
        context.out.document(_document(report))
    else:
        _print(context, report, live=live)
    raise typer.Exit(int(report.exit))


def _report(context: Context, names: Sequence[str], *, live: bool) -> Report:
    try:
        loaded = context.app.loaded
        loaded.require(names if {*names} <= {*loaded.mappings, *loaded.blocked} else ())
        mappings = (
            context.app.loaded.select(names, drafts=True) if names else tuple(context.app.loaded.mappings.values())
        )
    except ConfigError as error:
        return _unloadable(context.project, names, error)
    return _checked(context, mappings, live=live)


def _unloadable(folder: Path, names: Sequence[str], error: ConfigError) -> Report:
    """Report the problems of the files that were asked for; the project's own concern all of them."""
    files = {"project", *names}
    if not error.problems:
        raise error
    unknown = [name for name in names if not (folder / f"{name}.yaml").is_file()]
    if names and not unknown:
        problems = [each for each in error.problems if each.place is None or Path(each.place.file).stem in files]
        return Report(objects=len(names), problems=problems)
    return Report(problems=list(error.problems))


def _checked(context: Context, mappings: Sequence[MappingSpec], *, live: bool) -> Report:
    missing = missing_variables(context.app, mappings)
    report = Report(objects=len(mappings), warnings=[*exposures(context.app, mappings), *late_children(mappings)])
    if not live:
        report.warnings = [*missing, *report.warnings]
        return report
    report.problems = missing
    if not missing:
        answers: Answers = ask(context.app, mappings)
        report.problems, report.unavailable = list(answers.problems), list(answers.unavailable)
    return report


def _document(report: Report) -> dict[str, Any]:
    return {
        "valid": report.exit is Exit.DONE,
        "objects": report.objects,
        "problems": _as_json(report.problems),
        "warnings": _as_json(report.warnings),
        "unavailable": report.unavailable,
    }


def _as_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [
        {
            "file": problem.place.file if problem.place else None,
            "line": problem.place.line if problem.place else None,
            "column": problem.place.column if problem.place else None,
            "code": problem.code,
            "message": problem.message,
        }
        for problem in problems
    ]


def _print(context: Context, report: Report, *, live: bool) -> None:
    out = context.out
    for problem in report.problems:
        out.line(f"{problem} ({problem.code})")
    for problem in report.warnings:
        where = f"{problem.place}: " if problem.place else ""
        out.line(f"{where}warning: {problem.message} ({problem.code})")
    for sentence in report.unavailable:
        out.line(sentence)
    if report.exit is Exit.DONE:
        out.line(f"{_counted(report.objects, 'mapping')} checked{' with both ends' if live else ''}: no problems")
    elif report.problems:
        out.line(_counted(len(report.problems), "problem"))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
