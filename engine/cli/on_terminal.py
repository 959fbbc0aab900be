"""What only a person at a terminal sees: tables with rules, and a bar of progress. Imported for people only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TextIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


def draw_table(stream: TextIO, columns: Sequence[str], texts: Sequence[Sequence[str]], numeric: Sequence[bool]) -> None:
    """Print a table with rules and folded cells."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name, right in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in texts:
        table.add_row(*map(Text, row))
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    Console(file=stream, highlight=False, color_system=colours).print(table)


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
