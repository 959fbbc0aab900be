"""The commands by name, each in a module that is imported when the command is used, or its help asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer._click.core import Command
from typer._click.exceptions import NoSuchOption
from typer._click.shell_completion import CompletionItem
from typer.core import TyperArgument, TyperGroup

COMMANDS = {  # in order of use, as --help lists them: the module, and a line of help
    "demo": ("demo", "The whole job on an ERP and a platform of its own."),
    "validate": ("validate", "Check project and mappings."),
    "connections": ("connections", "Test each connection."),
    "plan": ("plan", "What a run would send: counts and differences."),
    "render": ("render", "The exact requests of a run, or of the samples."),
    "snapshot": ("snapshot", "The requests of the samples against snapshots/."),
    "run": ("run", "The scheduler; with --once one pass over objects."),
    "schedule": ("schedule", "The fires of a period."),
    "status": ("status", "Where every object stands."),
    "runs": ("status", "History of runs."),
    "requests": ("status", "History of requests."),
    "why": ("why", "What became of one record."),
    "rejected": ("rejected", "Refused records: list, show, retry, drop, export."),
    "unknown": ("unknown", "Creates of unknown outcome: list, resolve."),
    "resend": ("resend_adopt", "Forget what was confirmed, so that it is sent again."),
    "forget": ("resend_adopt", "Drop what is known of one record, which is then a new one."),
    "adopt": ("resend_adopt", "Take the source as confirmed, without sending."),
    "carry": ("carry", "Take what is known over to a new name or new keys."),
    "sandbox": ("sandbox", "A stand-in for the ONe platform."),
}
GLOBAL = ("--project", "--log-format", "--verbose", "-v")  # options that stand before the command


class Commands(TyperGroup):
    """Lists the commands without importing them, and knows which options are its own."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = _Imported()  # type: ignore[assignment]  # only ever read

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

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[CompletionItem]:
        """Complete an option, or the name of a command."""
        names = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *Command.shell_complete(self, ctx, incomplete)]


class _Imported(Mapping[str, Command]):
    """The commands; one that is asked for is imported then."""

    def __getitem__(self, name: str) -> Command:
        module, _ = COMMANDS[name]
        group = typer.main.get_group(import_module(f"engine.cli.commands.{module}").commands)
        _tidy(group)
        return group.commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _tidy(group: TyperGroup) -> None:
    """Show arguments as `OBJECT [KEY]...`, without braces and types."""
    for command in group.commands.values():
        if isinstance(command, TyperGroup):
            _tidy(command)
        for parameter in command.params:
            if isinstance(parameter, TyperArgument):
                _name(parameter, parameter.display_name_raw.strip("[]."))


def _name(argument: TyperArgument, name: str) -> None:
    shown = name if argument.required else f"[{name}]"
    argument.metavar = name
    argument.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
    argument._usage_display_name = lambda: shown if argument.nargs == 1 else f"{shown}..."  # type: ignore[method-assign]
