"""The command line: its global options, its commands, and the one door through which errors leave."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import typer.main
from typer._click.exceptions import NoSuchOption
from typer.core import TyperArgument, TyperGroup

from engine.cli.context import DEFAULT_PROJECT, Context, LogFormat, default_project, examples, of
from engine.values.errors import ConfigError, OneSyncError, Problem

COMMANDS = {  # in order of use, as --help lists them
    "demo": "The whole job on an ERP and a platform of its own.",
    "validate": "Check project and mappings.",
    "connections": "Test each connection.",
    "plan": "What a run would send: counts and differences.",
    "render": "The exact requests of a run, or of the samples.",
    "snapshot": "The requests of the samples against snapshots/.",
    "run": "The scheduler; with --once one pass over objects.",
    "schedule": "The fires of a period.",
    "status": "Where every object stands.",
    "runs": "History of runs.",
    "requests": "History of requests.",
    "why": "What became of one record.",
    "rejected": "Records refused for their data: list, show, retry, export.",
    "unknown": "Creates of unknown outcome: list, resolve.",
    "resend": "Forget what was confirmed, so that it is sent again.",
    "adopt": "Take the source as confirmed, without sending.",
    "sandbox": "A stand-in for the ONe platform.",
}
MODULES = (
    "demo",
    "validate",
    "connections",
    "plan",
    "render",
    "snapshot",
    "run",
    "schedule",
    "status",
    "why",
    "rejected",
    "unknown",
    "state",
    "sandbox",
)
GLOBAL = ("--project", "--log-format", "--verbose", "-v")  # options that stand before the command


class _Commands(TyperGroup):
    """Lists the commands in order of use, and knows which options are theirs."""

    def invoke(self, ctx: Any) -> Any:
        """Invoke the command; say where a global option stands that was put behind it."""
        try:
            return super().invoke(ctx)
        except NoSuchOption as error:
            if error.option_name in GLOBAL:
                command = ctx.invoked_subcommand or "COMMAND"
                value = {"--project": " DIR", "--log-format": " FORMAT"}.get(error.option_name, "")
                error.message += f": it stands before the command: `one-sync {error.option_name}{value} {command}`"
            raise

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return sorted(self.commands, key=list(COMMANDS).index)


def build() -> TyperGroup:
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
        import_module(f"engine.cli.{name}").register(app)
    group = typer.main.get_group(app)
    _tidy(group)
    return group


def _tidy(group: TyperGroup) -> None:
    """Show arguments as `OBJECT [KEY]...`, without braces and types, and in the list of commands one line each."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            _tidy(command)
        for parameter in command.params:
            if isinstance(parameter, TyperArgument):
                _name(parameter, parameter.display_name_raw.strip("[]."))
        if group.name == "one-sync":
            command.short_help = COMMANDS[name]


def _name(argument: TyperArgument, name: str) -> None:
    shown = name if argument.required else f"[{name}]"
    argument.metavar = name
    argument.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
    argument._usage_display_name = lambda: shown if argument.nargs == 1 else f"{shown}..."  # type: ignore[method-assign]


def _show_version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415

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
