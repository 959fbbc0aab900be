"""What every command is given: the global options, the project behind them, the answer's and the log's way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import typer

from engine.cli.output import Output
from engine.values import redact, shipped

if TYPE_CHECKING:  # each costs more than the rest of the start together, so commands import them when they work
    from engine.run import App
    from engine.values import log as logs

LogFormat: TypeAlias = Literal["human", "json"]

DEFAULT_PROJECT = (  # what `default_project` gives, for people
    "the checkout's mappings"
    if shipped.checkout()
    else "the folder you stand in, if it has a project.yaml, else the shipped mappings"
)
PROGRAM = "bin/one-sync" if shipped.checkout() else "one-sync"  # as one types it


@dataclass(kw_only=True)
class Context:
    """The global options; what is behind them is opened when a command first asks for it."""

    project: Path
    verbose: bool = False
    log_format: LogFormat | None = None  # None: human on a terminal, else JSON
    variables: Mapping[str, str] | None = None  # None: the environment

    @cached_property
    def app(self) -> App:
        """The project without the objects that faults block. Raises ConfigError where project.yaml has a fault."""
        from engine.cli.interrupt import stop_at_ctrl_c  # noqa: PLC0415
        from engine.run import App  # noqa: PLC0415

        app = App(self.project, self.variables, faulty=True)
        stop_at_ctrl_c(app.stop)
        return app

    @cached_property
    def out(self) -> Output:
        """Where answers go."""
        return Output(redact=self.redact, zone=lambda: self.app.timezone)

    @cached_property
    def log(self) -> logs.Log:
        """Where events go."""
        return self._open_log(quiet=False)

    @cached_property
    def quiet_log(self) -> logs.Log:
        """Where events go while a person watches the command itself: only what needs attention."""
        return self._open_log(quiet=True)

    def _open_log(self, *, quiet: bool) -> logs.Log:
        from engine.values import log  # noqa: PLC0415

        form = log.form_of(self.log_format)
        return log.open_log(verbose=self.verbose, form=form, secrets=lambda: self.secrets, quiet=quiet)

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret of the project that can be known by now; none while the project is not loaded."""
        if "app" not in self.__dict__:
            return frozenset()
        return self._resolved | self.app.environment.secrets

    @cached_property
    def _resolved(self) -> frozenset[str]:
        from engine.run import secrets_of  # noqa: PLC0415

        return secrets_of(self.app)

    def redact(self, text: str) -> str:
        """Remove the secrets from a text."""
        return redact(text, self.secrets)

    def close(self) -> None:
        """Close what was opened."""
        if "app" in self.__dict__:
            self.app.close()


def default_project() -> Path:
    """Choose the project of a command that names none.

    In a checkout the checkout's own; else the folder one stands in, where it is one, else the shipped mappings.
    """
    here = Path()
    return here if not shipped.checkout() and (here / "project.yaml").is_file() else shipped.mappings()


def of(ctx: typer.Context) -> Context:
    """Give a command its context."""
    found = ctx.find_object(Context)
    assert found is not None  # noqa: S101  main() gives one to every command
    return found


def examples(*lines: str) -> str:
    r"""Write the examples under a command's help: `epilog=examples("run --once", ...)`."""
    return "\n".join(["\b", "Examples:", *(f"  one-sync {line}" for line in lines)])
