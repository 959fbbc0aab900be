"""What stands for `:cursor`: at the beginning, and in a read that goes on where the last one ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

from engine.mapping import START, Cursor
from engine.values import Kind, RunError, arrow, earlier, restorer

NUMBERS_START = 0  # of a cursor for which the mapping names no beginning, where its column holds no times

Ask: TypeAlias = Callable[[Any], Generator[arrow.Batch, None, None]]  # reads with what stands for :cursor


def starts(cursor: Cursor) -> tuple[Any, ...]:
    """Give what may stand for `:cursor` in a full read: less than every value of its column.

    Where the mapping says nothing that is a date, and for a column of numbers the number 0.
    """
    start = _start(cursor.start)
    return (start, NUMBERS_START) if cursor.start == START else (start,)


def read_whole(ask: Ask, cursor: Cursor) -> Iterator[arrow.Batch]:
    """Read with what stands at the beginning; where that gives nothing, a column of numbers may be meant.

    A database compares a number with a date by an error, or finds every number less than it.
    """
    first, *others = starts(cursor)
    nothing: list[arrow.Batch] = []  # the one batch of a read without rows
    with closing(ask(first)) as batches:
        try:
            for batch in batches:
                if others and not batch.data.num_rows:
                    nothing.append(batch)
                    break
                others.clear()
                yield batch
        except RunError as error:
            failed = RunError(error.message + hint(cursor), code=error.code)
            if not others:
                raise failed from error
    if others:
        yield from _begun_by(ask(others[0]), lambda: iter(nothing) if nothing else _raise(failed))


def _begun_by(batches: Iterator[arrow.Batch], otherwise: Callable[[], Iterator[arrow.Batch]]) -> Iterator[arrow.Batch]:
    """Give a read that may fail at its beginning, and then another in its place."""
    try:
        begun = next(batches)
    except RunError:
        yield from otherwise()
        return
    yield begun
    yield from batches


def _raise(error: RunError) -> NoReturn:
    raise error


def hint(cursor: Cursor) -> str:
    """Say what to do where a full read compares a column with what it does not hold."""
    remedy = f"if {cursor.column} holds no dates, say by source.cursor.start what is less than all of it, such as 0"
    return f"; :cursor was {cursor.start}: {remedy}"


def since(noted: Mapping[str, Any], cursor: Cursor) -> Any:
    """Give the value to read from: the greatest one seen, less the overlap."""
    kind, seconds = Kind(noted["kind"]), cursor.overlap_seconds
    restore = restorer(kind)
    value = restore(noted["value"]) if restore else noted["value"]
    match value:
        case datetime():
            return value - timedelta(seconds=seconds)
        case date():  # of one day, whatever the hour
            return value - timedelta(days=math.ceil(seconds / 86_400))
        case int() | Decimal() if not isinstance(value, bool):
            back = Decimal(str(seconds)) * (noted.get("unit") or 1)
            return value - (int(back) if back == int(back) else back)
        case str():
            return earlier(value, seconds)
        case _:
            return value


def _start(start: float | str) -> Any:
    if not isinstance(start, str):
        return start
    try:
        return datetime.fromisoformat(start)
    except ValueError:
        return start
