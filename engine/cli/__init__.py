"""The command line: its global options, and the one door through which errors leave.

commands/      the commands, one a file
command_table  the commands by name, each imported when it is used
context        what every command is given: the project, ways out for answers and logs
arguments      the words that many commands take, and what a shell completes them with
output         the one place that prints answers
on_terminal    what only a person at a terminal sees: tables with rules, a bar of progress
progress       how far a pass has come
interrupt      Ctrl-C and SIGTERM
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import typer.main
from typer.core import TyperGroup

from engine.cli.command_table import Commands
from engine.cli.context import DEFAULT_PROJECT, Context, LogFormat, default_project, examples, of
from engine.values import ConfigError, OneSyncError, Problem


def build() -> TyperGroup:
    """Make the command line of all commands."""
    app = typer.Typer(
        cls=Commands,
        name="one-sync",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog=examples("demo", "validate", "--project /srv/shop run"),
    )
    app.callback()(_options)
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101  it has a callback
    return group


def _show_version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415  a fifth of the start's time, for this alone

        print(f"one-sync {version('one-sync')}")
        raise typer.Exit


def _options(
    ctx: typer.Context,
    project: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder with project.yaml and the mappings.",
            default_factory=default_project,
            show_default=DEFAULT_PROJECT,
        ),
    ],
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more: a log line for every request.")] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="Form of the log; human on a terminal, else json.", show_default=False)
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Keeps an ERP and the ONe platform equal, from YAML mappings.

    Answers go to stdout, logs and progress to stderr. Global options stand before the command.
    """
    context = of(ctx)
    context.project, context.verbose, context.log_format = project, verbose, log_format


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # data may hold what the terminal cannot show
    context, code = Context(project=default_project()), 0
    try:
        build()(args=words, prog_name="one-sync", obj=context)
    except OneSyncError as error:
        _say(context, *_sentences(error))
        code = int(error.exit)
        if _wants_json(words):
            context.out.failure(error)
    except Exception as error:
        _say(context, *_unexpected(context, error))
        code = 1
        if _wants_json(words):
            context.out.failure(error)
    finally:
        context.close()
    sys.exit(code)


def _wants_json(words: Sequence[str] | None) -> bool:
    said = list(sys.argv[1:] if words is None else words)
    return "--json" in (said[: said.index("--")] if "--" in said else said)


def _sentences(error: OneSyncError) -> list[str]:
    """Write an error: what and where, its code; of several problems each on a line of its own."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    if len(problems) < 2:
        return [f"error: {error.message} ({error.code})"]
    return [f"error: {len(problems)} problems ({error.code})", *map(problem_line, problems)]


def problem_line(problem: Problem) -> str:
    """Write a problem as `file:line:column: message (code)`, which editors and terminals can follow."""
    return f"{problem} ({problem.code})"


def _unexpected(context: Context, error: Exception) -> list[str]:
    sentence = f"error: {type(error).__name__}: {error}; this is a fault of one-sync itself (E_UNEXPECTED)"
    if not context.verbose:
        return [f"{sentence}; -v before the command shows where"]
    return ["".join(traceback.format_exception(error)).rstrip(), sentence]


def _say(context: Context, *lines: str) -> None:
    print(context.redact("\n".join(lines)), file=sys.stderr)
