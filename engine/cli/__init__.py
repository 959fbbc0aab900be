"""The command line: its global options, its commands, and the one door through which errors leave."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from engine.cli.context import CHECKOUT, Context, LogFormat, examples, of
from engine.errors import ConfigError, OneSyncError, Problem

COMMANDS = (  # in order of use, as --help lists them
    "demo",
    "validate",
    "connections",
    "plan",
    "render",
    "run",
    "schedule",
    "status",
    "runs",
    "requests",
    "why",
    "rejected",
    "unknown",
    "resend",
    "adopt",
    "sandbox",
)
MODULES = (
    "demo",
    "validate",
    "connections",
    "plan",
    "render",
    "run",
    "schedule",
    "status",
    "why",
    "rejected",
    "unknown",
    "state",
    "sandbox",
)


class _Commands(TyperGroup):
    """Lists the commands in order of use."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return sorted(self.commands, key=COMMANDS.index)


def build() -> typer.Typer:
    """Make the command line of all commands."""
    app = typer.Typer(
        cls=_Commands,
        name="one-sync",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog=examples("demo", "validate", "--project /srv/shop run"),
    )
    app.callback()(_options)
    for name in MODULES:
        try:
            import_module(f"engine.cli.{name}").register(app)
        except ModuleNotFoundError as error:
            if error.name != f"engine.cli.{name}":
                raise
    return app


def _show_version(*, asked: bool) -> None:
    if asked:
        print(f"one-sync {version('one-sync')}")
        raise typer.Exit


def _options(
    ctx: typer.Context,
    project: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with project.yaml and the mappings.", show_default="the checkout's mappings")
    ] = CHECKOUT / "mappings",
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
    context = Context()
    try:
        build()(args=words, prog_name="one-sync", obj=context)
    except OneSyncError as error:
        _say(context, *_sentences(error))
        code = int(error.exit)
    except Exception as error:
        _say(context, *_unexpected(context, error))
        code = 1
    finally:
        context.close()
    sys.exit(code)


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
