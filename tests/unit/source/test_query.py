"""What a query is asked for: from its cursor on, less the overlap, or whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.mapping.spec import Children, Cursor, SqlSource
from engine.source.query import read_sql
from engine.state.journal.runs import Standing

NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)
QUERY = "SELECT id, changed_at FROM t WHERE changed_at > :cursor"


@dataclass
class Rows:
    """A database that answers every query with one row, and keeps what it was asked."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def moment(self, *, queries: int) -> Rows:
        return self

    def rows(self, query: str, params: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], list[tuple[Any, ...]]]]:
        self.asked.append((query, dict(params)))
        yield ("id", "changed_at"), [("A", NOW)]


def standing(cursor: Any, full_at: datetime | None) -> Standing:
    return Standing(generation=1, settling=1, open_run=None, cursor=cursor, full_at=full_at, once_done=False)


def asked(cursor: Cursor | None, stands: Standing, **options: Any) -> tuple[Any, bool]:
    """Read once; give what stood for `:cursor`, and whether the read was whole."""
    end = Rows()
    source = SqlSource(connection="erp", query=QUERY, key=("id",), cursor=cursor)
    [read] = read_sql(source, end, stands, NOW, zone=UTC, **options)  # type: ignore[arg-type]
    assert [batch.data.num_rows for batch in read.batches] == [1]
    [(_, params)] = end.asked
    return params.get("cursor"), read.full


BY_TIME = Cursor(column="changed_at", overlap_seconds=300)
SEEN = {"kind": "instant", "value": "2031-05-04T11:00:00+00:00"}
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("cursor", "stands", "options", "expected"),
    [
        (None, standing(None, None), {}, (None, True)),
        (BY_TIME, standing(SEEN, NOW - HOUR), {}, (datetime(2031, 5, 4, 10, 55, tzinfo=UTC), False)),
        (BY_TIME, standing(SEEN, NOW - HOUR), {"whole": True}, (datetime(1900, 1, 1), True)),
        (BY_TIME, standing(SEEN, None), {}, (datetime(1900, 1, 1), True)),
        (BY_TIME, standing(None, NOW - HOUR), {}, (datetime(1900, 1, 1), True)),
        (BY_TIME, standing(SEEN, NOW - 24 * HOUR), {}, (datetime(1900, 1, 1), True)),
        (BY_TIME, standing(SEEN, NOW + HOUR), {}, (datetime(1900, 1, 1), True)),
        (
            Cursor(column="day", overlap_seconds=1),
            standing({"kind": "date", "value": "2031-05-04"}, NOW - HOUR),
            {},
            (date(2031, 5, 3), False),
        ),
        (
            Cursor(column="number", start=0, overlap_seconds=300),
            standing({"kind": "number", "value": "41"}, NOW - HOUR),
            {},
            (-259, False),
        ),
    ],
    ids=[
        "no cursor",
        "from the cursor",
        "asked whole",
        "never whole",
        "nothing seen",
        "a day",
        "wrong clock",
        "day",
        "no",
    ],
)
def test_a_query_is_asked_from_its_cursor_on_or_whole(
    cursor: Cursor | None, stands: Standing, options: dict[str, Any], expected: tuple[Any, bool]
) -> None:
    assert asked(cursor, stands, **options) == expected


def test_children_are_read_whole() -> None:
    end = Rows()
    children = {"notes": Children(query="SELECT * FROM note", parent=("id",))}
    source = SqlSource(connection="erp", query=QUERY, key=("id",), cursor=BY_TIME, children=children)

    [read] = read_sql(source, end, standing(SEEN, NOW - HOUR), NOW, zone=UTC)  # type: ignore[arg-type]
    for batches in read.children.values():
        list(batches)

    assert [(query.split()[3], sorted(params)) for query, params in end.asked] == [("note", [])]


@pytest.mark.parametrize(
    ("noted", "seconds", "expected"),
    [
        ({"kind": "text", "value": "2031-05-04T11:00:00", "unit": 1}, 300, "2031-05-04T10:55:00"),
        ({"kind": "text", "value": "2031-05-04 11:00:00.250"}, 300, "2031-05-04 10:55:00.250"),
        ({"kind": "text", "value": "2031-05-04 11:00"}, 300, "2031-05-04 10:55"),
        ({"kind": "text", "value": "2031-05-04T00:01:00Z"}, 300, "2031-05-03T23:56:00Z"),
        ({"kind": "text", "value": "2031-05-04T00:01:00+02:00"}, 300, "2031-05-03T23:56:00+02:00"),
        ({"kind": "text", "value": "2031-05-04"}, 300, "2031-05-03"),
        ({"kind": "text", "value": "20310504110000"}, 300, "20310504105500"),
        ({"kind": "number", "value": "1720000000", "unit": 1}, 300, 1719999700),
        ({"kind": "number", "value": "1720000000"}, 300, 1719999700),
        ({"kind": "number", "value": "1720000000000", "unit": 1000}, 300, 1719999700000),
        ({"kind": "number", "value": "1720000000.5", "unit": 1}, 0.5, 1720000000),
    ],
)
def test_each_read_reaches_back_in_the_form_that_its_column_has(
    noted: dict[str, Any], seconds: float, expected: Any
) -> None:
    assert asked(Cursor(column="at", overlap_seconds=seconds), standing(noted, NOW - HOUR)) == (expected, False)
