"""The one place that prints answers: tables for people, aligned text for pipes, JSON documents for programs."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, TextIO

from engine.values import ConfigError, OneSyncError, spelled

SCHEMA_VERSION = 1
NOTHING = "-"  # an empty cell
GAP = "  "


class Output:
    """Prints a command's answer on stdout, without the secrets and with times in the project's zone."""

    def __init__(
        self, *, redact: Callable[[str], str], zone: Callable[[], tzinfo], stream: TextIO | None = None
    ) -> None:
        """`stream` is stdout where None is given; `zone` is asked only when there is a time to print."""
        self._redact = redact
        self._zone = zone
        self._stream = stream
        self.is_answered = False  # by a document
        self.is_read = True  # until whoever reads the answer has gone

    @property
    def stream(self) -> TextIO:
        """Where the answer goes."""
        return self._stream or sys.stdout

    @property
    def is_terminal(self) -> bool:
        """Tell whether a person looks on."""
        return self.stream.isatty()

    def document(self, fields: Mapping[str, Any]) -> None:
        """Print one JSON document with `schema_version`; dates and decimals become text, and so on down."""
        self.is_answered = True
        plain = self._plain({"schema_version": SCHEMA_VERSION, **fields})
        self._write(json.dumps(plain, ensure_ascii=False, indent=2))

    def failure(self, error: Exception) -> None:
        """Print the document of a command that could not do its work, unless it has answered already."""
        if self.is_answered:
            return
        known = isinstance(error, OneSyncError)
        problems = error.problems if isinstance(error, ConfigError) else ()
        said = {
            "code": error.code if isinstance(error, OneSyncError) else "E_UNEXPECTED",
            "message": str(error) if known else f"{type(error).__name__}: {error}",
            "problems": [{"code": each.code, "message": str(each)} for each in problems],
        }
        self.document({"error": said})

    def line(self, text: str = "") -> None:
        """Print one line."""
        self._write("\n".join(map(visible, self._redact(text).split("\n"))))

    def raw(self, text: str) -> None:
        """Print a piece of an answer as it is, not made prettier, but for secrets."""
        self.is_answered = True
        self._write(self._redact(text), flush=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], optional: Collection[str] = ()) -> None:
        """Print a table: on a terminal with rules and folded cells, or row by row, else aligned and never folded.

        Cells may be any value that `cell` knows. A column that holds only numbers is set to the right.
        One that is `optional` is left out where no row has anything there.
        """
        found = [list(row) for row in rows]
        bare = {name for index, name in enumerate(columns) if all(row[index] is None for row in found)} & {*optional}
        found = [[each for name, each in zip(columns, row, strict=True) if name not in bare] for row in found]
        columns = [name for name in columns if name not in bare]
        numeric = [_is_numeric(row[index] for row in found) for index in range(len(columns))]
        texts = [[self.cell(value) for value in row] for row in found]
        if self.is_terminal:
            from engine.cli.on_terminal import draw_table  # noqa: PLC0415  a third of the start's time, for people only

            draw_table(self.stream, columns, texts, numeric=numeric, empty=NOTHING)
        else:
            self._write("\n".join(aligned(columns, texts, numeric)))

    def cell(self, value: Any) -> str:
        """Write one value as people read it: - for nothing, yes or no, a time with its offset, a key by its parts."""
        match value:
            case None:
                return NOTHING
            case bool():
                return "yes" if value else "no"
            case datetime():
                return self._local(value).isoformat(sep=" ", timespec="seconds")
            case float():
                return f"{value:.3f}"
            case list() | tuple():
                parts = (spelled((each,)) if isinstance(each, str) else each for each in value)
                return " ".join(map(self.cell, parts))
            case _:
                return visible(self._redact(str(value)))

    def _plain(self, value: Any) -> Any:
        """Make a value of what JSON has; decimals and times become text, nothing is rounded."""
        match value:
            case Enum():
                return self._plain(value.value)
            case None | bool() | int() | float():
                return value
            case Mapping():
                return {self._redact(str(key)): self._plain(each) for key, each in value.items()}
            case list() | tuple() | set() | frozenset():
                plain = [self._plain(each) for each in value]
                return plain if isinstance(value, list | tuple) else sorted(plain)
            case _:
                return self._text(value)

    def _text(self, value: str | Decimal | PurePath | datetime) -> str:
        if isinstance(value, datetime):
            return self._local(value).isoformat(timespec="seconds")
        return self._redact(str(value))

    def _local(self, moment: datetime) -> datetime:
        """Show an instant in the project's zone."""
        return moment.astimezone(self._zone())

    def _write(self, text: str, *, flush: bool = True) -> None:
        """Print; where the reader has had enough (`| head`) the command goes on without a word, to its exit code."""
        try:
            print(text, file=self.stream, flush=flush)
        except BrokenPipeError:
            self.is_read = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())  # also for the flush at the very end


def visible(text: str) -> str:
    """Write control characters as escapes, so that data can neither break a line nor steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") else each
        for each in text
    )


def aligned(columns: Sequence[str], texts: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """Set texts in columns, two blanks between them, nothing behind the last."""
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    return [
        GAP.join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in (columns, *texts)
    ]


def _is_numeric(values: Iterable[Any]) -> bool:
    found = [value for value in values if value is not None]
    return bool(found) and all(isinstance(each, int | float | Decimal) and not isinstance(each, bool) for each in found)
