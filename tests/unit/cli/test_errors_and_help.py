"""The one door through which errors leave."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
import typer

from engine import cli
from engine.cli.command_table import COMMANDS
from engine.cli.context import Context, of
from engine.values.errors import BusyError, ConfigError, GuardError, Place, Problem

SECRET = "canary-7731"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Give a function that runs a command which raises an error, and returns the exit code."""

    def run(error: Exception, *options: str) -> int:
        def command(ctx: typer.Context) -> None:
            assert isinstance(of(ctx), Context)
            raise error

        module = ModuleType("engine.cli.commands.failing")
        module.__dict__["commands"] = typer.Typer()
        module.__dict__["commands"].command("failing")(command)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "failing", ("failing", "Fails."))
        monkeypatch.setattr(Context, "secrets", frozenset({SECRET}))
        with pytest.raises(SystemExit) as ended:
            cli.main([*options, "failing"])
        return int(ended.value.code or 0)

    return run


PLACED = Problem(code="E_KEY", message="unknown key `a`", place=Place(file="m/x.yaml", line=3, column=5))
BARE = Problem(code="E_NAME", message="unknown object `y`")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BusyError("it runs elsewhere", code="E_BUSY"), 5, "error: it runs elsewhere (E_BUSY)\n"),
        (GuardError(f"says {SECRET}", code="E_GUARD"), 4, "error: says *** (E_GUARD)\n"),
        (
            ConfigError(code="E_KEY", problems=[PLACED]),
            2,
            "error: m/x.yaml:3:5: unknown key `a` (E_KEY)\n",
        ),
        (
            ConfigError(code="E_CONFIG", problems=[PLACED, BARE]),
            2,
            "error: 2 problems (E_CONFIG)\nm/x.yaml:3:5: unknown key `a` (E_KEY)\nunknown object `y` (E_NAME)\n",
        ),
        (
            KeyError(SECRET),
            1,
            "error: KeyError: '***'; this is a fault of one-sync itself (E_UNEXPECTED); "
            "-v before the command shows where\n",
        ),
    ],
)
def test_an_error_is_one_message_with_its_code_and_exit_code(
    failing: Callable[..., int], capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: str
) -> None:
    assert failing(error) == code

    assert capsys.readouterr() == ("", said)


def test_verbosely_an_unexpected_error_shows_its_traceback_without_secrets(
    failing: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(KeyError(SECRET), "-v") == 1

    text = capsys.readouterr().err
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("error: KeyError: '***'; this is a fault of one-sync itself (E_UNEXPECTED)\n")
    assert SECRET not in text
