"""What only a person at a terminal sees: tables with rules, and a bar of progress. Imported for people only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import fill
from typing import Literal, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

FOLDED_TO = 20  # characters that a wider column is folded to at most, and a narrower one keeps
RULED = 3  # characters that rules and gaps take for each column
INDENT = "  "


def draw_table(
    stream: TextIO, columns: Sequence[str], texts: Sequence[Sequence[str]], *, numeric: Sequence[bool], empty: str
) -> None:
    """Print a table with rules and folded cells, or where that would fold words, row by row, without `empty` cells."""
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(file=stream, highlight=False, color_system=colours)
    least = [min(max(map(cell_len, column)), FOLDED_TO) for column in zip(columns, *texts, strict=True)]
    if sum(least) + RULED * len(columns) > console.width:
        for row in texts:
            console.print(Text(row[0], style="bold"))
            console.print(_in_words(columns[1:], row[1:], numeric[1:], empty, console.width), markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name, right, width in zip(columns, numeric, least, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold", min_width=width)
    for row in texts:
        table.add_row(*map(Text, row))
    console.print(table)


def _in_words(columns: Sequence[str], texts: Sequence[str], numeric: Sequence[bool], empty: str, width: int) -> str:
    """Write a row as `status success, extracted 3`, without what is nothing."""
    said = [
        f"{name} {text}"
        for name, text, is_number in zip(columns, texts, numeric, strict=True)
        if text != empty and not (is_number and text == "0")
    ]
    return fill(", ".join(said), width, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)


@contextmanager
def bar_of(total: int) -> Iterator[Callable[[int, str], None]]:
    """Show a bar on stderr until the end; yields a function that takes how many are done, and a text beside it."""
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, text: bar.update(task, completed=done, description=text)
