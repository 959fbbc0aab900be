"""A cursor of times: it reaches back, and never passes the moment of the read, whatever a row says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.inspect import late_children
from engine.values import ConfigError
from world.project import World, world

NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)  # 14:00 in Warsaw
LATE = timedelta(minutes=2)


def iso(moment: datetime) -> str:
    return f"{moment + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}"


def zoned(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


FORMS = [iso, zoned, unix, milliseconds]


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, "entries") as made:
        made.edit("entries", ("overlap_seconds: 0,", "overlap_seconds: 300,"))
        made.clock = lambda: NOW
        yield made


def notes(it: World) -> list[str]:
    assert it.last is not None
    return list(it.last.notes)


@pytest.mark.parametrize("written", FORMS)
def test_a_row_that_was_committed_late_is_read_in_the_next_run(it: World, written: Any) -> None:
    early = [(number, 1, written(NOW - timedelta(hours=number))) for number in range(1, 4)]
    it.put("entry", *early)
    it.run("entries")
    it.put("entry", *early, (9, 9, written(NOW - timedelta(hours=1) - LATE)))

    assert it.run("entries") == {"extracted": 2, "unchanged": 1, "added": 1, "confirmed": 1, "requests": 1}


@pytest.mark.parametrize("written", FORMS)
def test_a_row_from_the_future_is_named_once_and_stops_no_other(it: World, written: Any) -> None:
    early = [(number, 1, written(NOW - timedelta(hours=number))) for number in range(1, 4)]
    future = (8, 8, written(datetime(2099, 1, 1, tzinfo=UTC)))
    it.put("entry", *early, future)
    assert it.run("entries")["confirmed"] == 4
    [named] = notes(it)
    assert named == (
        f"entries: 1 row is ahead of time, at says {future[2]}: sent, and read again each time until then; "
        "correct it at the source"
    )
    it.put("entry", *early, future, (9, 9, written(NOW - timedelta(seconds=5))))

    assert it.run("entries") == {"extracted": 3, "unchanged": 2, "added": 1, "confirmed": 1, "requests": 1}
    assert notes(it) == []


def test_where_all_rows_are_from_the_future_the_next_read_begins_at_the_moment_of_this_one(it: World) -> None:
    future = (8, 8, iso(datetime(2099, 1, 1, tzinfo=UTC)))
    it.put("entry", future)
    it.run("entries")
    it.put("entry", future, (1, 1, iso(NOW - timedelta(hours=1))), (2, 2, iso(NOW - LATE)))

    assert it.run("entries") == {"extracted": 2, "unchanged": 1, "added": 1, "confirmed": 1, "requests": 1}


def test_a_stray_text_among_times_does_not_become_the_cursor(it: World) -> None:
    early = [(number, 1, iso(NOW - timedelta(hours=number))) for number in range(1, 4)]
    it.put("entry", *early, (8, 8, "soon"))
    it.run("entries")
    it.put("entry", *early, (8, 8, "soon"), (9, 9, iso(NOW - LATE)))

    assert it.run("entries") == {"extracted": 3, "unchanged": 2, "added": 1, "confirmed": 1, "requests": 1}


def test_where_a_column_holds_no_times_an_overlap_is_told_to_be_none_and_all_is_read(it: World) -> None:
    it.put("entry", (1, 1, "a1"), (2, 2, "a2"))

    for _ in range(2):
        assert it.run("entries")["extracted"] == 2
        assert notes(it) == [
            "entries: at holds no times, such as a2, so that overlap_seconds cannot reach back: each read is whole; "
            "leave overlap_seconds out, or let the query give times"
        ]


def test_validate_tells_that_lines_wait_for_a_whole_read_and_texts_are_no_times(tmp_path: Path) -> None:
    with world(tmp_path, "orders") as it:
        it.edit(
            "orders",
            ("SELECT id, buyer FROM orders", "SELECT id, buyer, at FROM orders WHERE at > :cursor"),
            ("  key: [id]\n", "  key: [id]\n  cursor: {column: at}\n"),
        )

        [warned] = late_children(it.app.loaded.mappings.values())

        assert (warned.code, warned.message) == (
            "E_CURSOR",
            "a change of lines alone is sent after a whole read, which is every 24 hours: let at change with them, or "
            "shorten full_every_hours",
        )
        it.edit("orders", ("{column: at}", "{column: at, start: first, overlap_seconds: 5}"))
        with pytest.raises(ConfigError, match="`overlap_seconds` reaches back in time, and 'first' is no time"):
            it.run("orders")
