"""Rows with hostile values through whole runs: each arrives exactly or is refused alone by its key, and stays so.

What is expected is computed here from what was put into the ERP, never by the engine's own functions.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from world.effort import examples
from world.project import World, world
from world.wire import Reply, Seen

LINES = """
object: lines
source: {connection: erp, query: "SELECT a, b, v FROM thing", key: [a, b]}
fields: {b: "{{ b }}", v: "{{ v }}"}
send:
  - on: [added, changed, removed]
    group_by: [a]
    chunk_size: 7
    request:
      method: POST
      path: /lines/{{ a | path }}
      idempotent: true
      body: {lines: "{{ lines }}", gone: {$each: removed, b: "{{ b }}", v: "{{ v }}"}}
guards: {max_removed: 100%, min_rows: 0}
"""

SINGLES = """
object: singles
source: {connection: erp, query: "SELECT a, b, v FROM thing", key: [a, b]}
fields: {v: "{{ v }}"}
send:
  - on: [added, changed]
    request:
      method: PUT
      path: /singles/{{ a | path }}/{{ b | path }}
      query: {b: "{{ b }}"}
      headers: {X-B: "<{{ b }}>"}
      body: "{{ line }}"
  - on: [removed]
    request: {method: DELETE, path: "/singles/{{ a | path }}/{{ b | path }}", query: {v: "{{ v }}x"}}
guards: {max_removed: 100%, min_rows: 0}
"""

PARENTS = """
object: parents
source:
  connection: erp
  query: SELECT a || '' AS a, b || '' AS b, count(*) AS n FROM thing GROUP BY 1, 2
  key: [a, b]
  children:
    things: {query: "SELECT a || '' AS a, b || '' AS b, v || '' AS v FROM thing", parent: [a, b], order_by: [v]}
fields: {a: "{{ a }}", b: "{{ b }}", things: {$each: things, v: "{{ v }}"}}
send:
  - on: [added]
    request: {method: POST, path: /parents, body: "{{ line }}"}
    save: {parent_id: "{{ body.id }}"}
    lookup:
      settle_seconds: 0.01
      before_create: never
      request: {method: GET, path: /parents, query: {a: "{{ a }}", b: "{{ b }}"}}
      found: "{{ body | length == 1 }}"
      save: {parent_id: "{{ body[0].id }}"}
  - on: [changed]
    request: {method: PUT, path: "/parents/{{ saved.parent_id | path }}", body: "{{ line }}"}
"""

REFERRING = """
object: referring
source: {connection: erp, query: "SELECT DISTINCT a || '' AS x, b || '' AS y FROM thing", key: [x, y]}
refs: {bound: {object: parents, on: {a: x, b: y}}}
fields: {parent: "{{ bound.parent_id }}", y: "{{ y }}"}
send:
  - on: [added, changed]
    request: {method: POST, path: /referring, idempotent: true, body: "{{ lines }}"}
"""

TEXTS = [
    *("", " ", "a ", "\ta", "a\nb", "a\r\nX-Evil: 1", "\0", "a\0b", "\x1f", "\x0b\x0e\x1a\x7f", "\x80", "\x85", "\xa0"),
    *("/", "\\", "%2F", "..", ".", "a/../b", "?x=1", "#x", "&", "+", "a b", "'", '"', "`", ",", "[", "]", '["a","b"]'),
    *("{}", '{"a": 1}', "null", "NULL", "true", "=cmd|' /C calc'!A0", "@SUM(1)", "-1", "+1", "--all", "{{ 7 * 7 }}"),
    *("0", "00", "5", "5.0", "5.00", "1e3", "1E+999999999", "NaN", "Infinity", "0x10", "1_000", "٣"),
    *("9" * 40, "0." + "1" * 38, "-" + "9" * 5000, "2024-02-30", "0000-00-00", "infinity", "0044-03-15 BC"),
    *(
        "ż",
        "e\u0301",
        "\u00e9",
        "\u202eabc",
        "a\u200fb",
        "\ufeff",
        "\ufffd",
        "\ufffe",
        "🦊",
        "👩‍👩‍👧",
        "\u2028",
        "\U0010ffff",
    ),
    *(
        "x" * 300,
        "x" * 70_000,
        "ż" * 1_000,
        "'; DROP TABLE thing; --",
        "text md5:",
        "</script>",
        "${HOME}",
        "~",
        "C:\\x",
    ),
]
NUMBERS = [
    0,
    -0.0,
    1,
    -1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.1,
    1e16,
    1e22,
    1e308,
    5e-324,
    -1.5e-7,
    123456789.125,
]
INFINITE = [float("inf"), float("-inf")]
BYTES = [b"", b"\0\xff", b"abc", bytes(range(256))]


@dataclass(frozen=True)
class Invalid:
    """A text of SQLite whose bytes are no UTF-8."""

    data: bytes


BROKEN = [Invalid(b"\xff"), Invalid(b"a\xed\xa0\x80b"), Invalid(b"\xc3")]
ANY = st.sampled_from([*TEXTS, *NUMBERS, *INFINITE, *BYTES, *BROKEN, None]) | st.text() | st.floats(allow_nan=False)
KEYS = st.sampled_from([*TEXTS, *TEXTS, *NUMBERS, *INFINITE, *BROKEN, None]) | st.text(max_size=20) | st.integers(-9, 9)
VALUES = st.one_of(st.just(ANY), st.just(st.sampled_from(NUMBERS + INFINITE)), st.just(st.sampled_from(TEXTS))).flatmap(
    lambda of: st.lists(of, min_size=1, max_size=60)
)


# --- what is expected ---------------------------------------------------------------------------------------------


def written(value: Any) -> str | None:
    """Write a value as the text by which it is compared."""
    match value:
        case None | Invalid():
            return None
        case bytes():
            import base64  # noqa: PLC0415

            return base64.b64encode(value).decode()
        case str():
            return value
    number = Decimal(repr(value))
    if not number.is_finite():
        return "Infinity" if number > 0 else "-Infinity"
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "0") else text


def kind_of(value: Any) -> str:
    """Tell what one value is."""
    return "text" if isinstance(value, str) else "bytes" if isinstance(value, bytes) else "number"


def column_kind(values: list[Any]) -> str:
    """Tell what a column's values are: what most of them are, text where that is undecided."""
    counts = Counter(kind_of(each) for each in values if each is not None and not isinstance(each, Invalid))
    return max(counts, key=lambda kind: (counts[kind], kind == "text", kind), default="text")


def is_odd(value: Any, kind: str) -> bool:
    """Tell whether a column of this kind cannot hold a value: one of texts holds numbers as they are written."""
    if value is None or isinstance(value, Invalid):
        return False
    return kind_of(value) != kind and (kind, kind_of(value)) != ("text", "number")


@dataclass
class Expected:
    """Which rows arrive, with their value as JSON, and which are refused."""

    arrive: dict[tuple[str, str], Any] = field(default_factory=dict)
    refused: set[tuple[str | None, str | None]] = field(default_factory=set)


def broken(value: Any) -> str:
    return value.data.decode("utf-8", "surrogateescape") if isinstance(value, Invalid) else ""


def staged(value: Any) -> str | None:
    """Give the text of a part of a key; where it is broken each byte of it is a replacement."""
    return re.sub("[\ud800-\udfff]", "\ufffd", broken(value)) if isinstance(value, Invalid) else written(value)


def is_no_segment(text: str | None) -> bool:
    """Tell whether a text would lead a path elsewhere."""
    return text is None or not text.strip() or text in {".", ".."}


def expect(rows: list[tuple[Any, Any, Any]], *, single: bool) -> Expected:
    """Say what becomes of rows: (a, b) is the key, v the value."""
    kinds = [column_kind([row[place] for row in rows]) for place in range(3)]
    times = Counter((staged(a), staged(b)) for a, b, _ in rows)
    expected = Expected()
    for a, b, v in rows:
        key = (staged(a), staged(b))
        infinite = "Infinity", "-Infinity"
        bad = None in key or times[key] > 1 or any(isinstance(each, Invalid) for each in (a, b, v))
        bad = bad or any(is_odd(each, kind) for each, kind in zip((a, b, v), kinds, strict=True))
        bad = bad or (kinds[2] == "bytes" and v is not None) or (kinds[2] == "number" and written(v) in infinite)
        bad = bad or is_no_segment(key[0]) or (kinds[0] == "number" and key[0] in infinite) or kinds[0] == "bytes"
        bad = bad or (kinds[1] == "number" and key[1] in infinite) or (kinds[1] == "bytes" and not single)
        if single:
            bad = bad or is_no_segment(key[1]) or kinds[1] == "bytes"
            bad = bad or bool(re.search(r"[\x00-\x08\x0a-\x1f\x7f]", key[1] or ""))
        if bad:
            expected.refused.add(key)
        else:
            text = written(v)
            expected.arrive[key] = Decimal(text) if kinds[2] == "number" and text is not None else text  # type: ignore[index]
    return expected


# --- the stand-in ---------------------------------------------------------------------------------------------------


@dataclass
class Arrived:
    """What came, exactly."""

    lines: dict[tuple[str, str], Any] = field(default_factory=dict)
    singles: dict[tuple[str, str], Any] = field(default_factory=dict)
    removed: dict[tuple[str, str], Any] = field(default_factory=dict)
    parents: dict[str, Any] = field(default_factory=dict)
    referring: list[Any] = field(default_factory=list)
    requests: int = 0
    faults: list[str] = field(default_factory=list)  # what should not have come

    def take(self, seen: Seen) -> Reply:
        """Note a request; nothing may come twice."""
        self.requests += 1
        try:
            return self._take(seen)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            self.faults.append(f"{seen.method} {seen.target[:200]}: {error!r:.300}")
            return Reply(status=422)

    def _take(self, seen: Seen) -> Reply:
        body = json.loads(seen.body, parse_float=Decimal, parse_int=Decimal) if seen.body else None
        path, query = urlsplit(seen.target).path, dict(parse_qsl(urlsplit(seen.target).query, keep_blank_values=True))
        match seen.method, [unquote(each) for each in path.split("/")[1:]]:
            case "POST", ["lines", a]:
                for line in body["lines"]:
                    self._once(self.lines, (a, text_of(line["b"])), line["v"])
                for gone in body["gone"]:
                    self._once(self.removed, (a, text_of(gone["b"])), gone["v"])
            case "PUT", ["singles", a, b]:
                assert query == {"b": b}
                assert (seen.header("X-B") or "").encode("latin-1").decode() == f"<{b}>"
                assert not {"x-evil"} & dict(seen.headers).keys()
                self._once(self.singles, (a, b), body["v"])
            case "DELETE", ["singles", a, b]:
                self._once(self.removed, (a, b), query["v"])
            case "POST", ["parents"]:
                self._once(self.parents, f"{body['a']}/{body['b']}?", body)
                return Reply(status=201, body=json.dumps({"id": f"{body['a']}/{body['b']}?"}).encode())
            case "POST", ["referring"]:
                self.referring += body
            case other:
                raise AssertionError(other)
        return Reply(body=b"{}")

    @staticmethod
    def _once(into: dict[Any, Any], key: Any, value: Any) -> None:
        assert key not in into, key
        into[key] = value


def text_of(value: Any) -> str:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    assert isinstance(value, str), value
    return value


def put(it: World, rows: list[tuple[Any, Any, Any]]) -> None:
    """Let the ERP hold these rows."""

    def bound(value: Any) -> tuple[str, Any]:
        return ("CAST(? AS TEXT)", value.data) if isinstance(value, Invalid) else ("?", value)

    with closing(sqlite3.connect(it.erp)) as erp, erp:
        erp.execute("CREATE TABLE IF NOT EXISTS thing (a, b, v)")
        erp.execute("DELETE FROM thing")
        for row in rows:
            places, values = zip(*map(bound, row), strict=True)
            erp.execute(f"INSERT INTO thing VALUES ({', '.join(places)})", values)


def unequal(found: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> dict[Any, Any]:
    """Show what differs; True and "1" are not equal to 1 here."""
    names = found.keys() | wanted.keys()
    pairs = {name: (found.get(name, "nothing"), wanted.get(name, "nothing")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or type(pair[0]) is not type(pair[1])}


def attack(it: World, rows: list[tuple[Any, Any, Any]]) -> None:
    """Send rows, again, and take them away."""
    put(it, rows)
    for name in ("lines", "singles"):
        expected = expect(rows, single=name == "singles")
        arrived = Arrived()
        it.platform.rule = arrived.take
        counts = it.run(name)
        again = it.run(name)

        assert arrived.faults == []
        assert unequal(getattr(arrived, name), expected.arrive) == {}
        assert it.rejected(name).keys() == expected.refused
        assert (counts["extracted"], counts.get("confirmed", 0)) == (len(rows), len(expected.arrive))
        assert (again.get("requests", 0), again.get("unchanged", 0)) == (0, len(expected.arrive))

        put(it, [])
        it.run(name)
        columns = expected.arrive
        if name == "singles":  # a removal's value stands in its query, as text
            columns = {key: (text_of(v) if isinstance(v, Decimal) else v or "") + "x" for key, v in columns.items()}
        assert unequal(arrived.removed, columns) == {}
        assert it.run(name) == {}
        put(it, rows)


ALL = [*TEXTS, *NUMBERS, *INFINITE, *BROKEN, None]
TABLES: dict[str, list[tuple[Any, Any, Any]]] = {
    "each text a value": [("a", n, text) for n, text in enumerate(TEXTS)],
    "each number a value": [("a", n, number) for n, number in enumerate([*NUMBERS, *INFINITE, None])],
    "all kinds of values": [("a", n, value) for n, value in enumerate([*ALL, *BYTES])],
    "each text a key": [("a", text, n) for n, text in enumerate(TEXTS)],
    "each number a key": [("a", number, n) for n, number in enumerate([*NUMBERS, *INFINITE, None])],
    "all kinds of keys": [("a", value, n) for n, value in enumerate(ALL)],
    "each text a group": [(text, "b", n) for n, text in enumerate(TEXTS)],
    "each number a group": [(number, "b", n) for n, number in enumerate([*NUMBERS, *INFINITE, None])],
}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield added(made)


def added(it: World) -> World:
    for name, text in {"lines": LINES, "singles": SINGLES, "parents": PARENTS, "referring": REFERRING}.items():
        it.add(name, text)
    return it


@pytest.mark.parametrize("table", TABLES)
def test_each_row_arrives_exactly_or_is_refused_alone(it: World, table: str) -> None:
    attack(it, TABLES[table])


@settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(st.lists(KEYS, min_size=1, max_size=60), st.lists(KEYS, min_size=1, max_size=60), VALUES)
def test_any_rows_arrive_exactly_or_are_refused_alone(a: list[Any], b: list[Any], v: list[Any]) -> None:
    rows = list(zip(a, b, v, strict=False))
    with TemporaryDirectory() as folder, world(Path(folder)) as made:
        attack(added(made), rows)


def test_children_references_and_bindings_hold_any_key(it: World) -> None:
    """Keys as texts: in a create's body, its binding, the references of others, and an update's path."""
    good = [text for text in TEXTS if "\0" not in text]
    put(it, [("a", text, value) for text in good for value in ("y", "x\n", "'")] + [("a", "bad", Invalid(b"\xff"))])
    arrived = Arrived()
    it.platform.rule = arrived.take

    parents, again = it.run("parents"), it.run("parents")
    referring = it.run("referring")

    assert arrived.faults == []
    assert (parents["confirmed"], parents["rejected"], again["unchanged"]) == (len(good), 1, len(good))
    assert it.rejected("parents") == {("a", "bad"): "key"}
    assert {body["b"] for body in arrived.parents.values()} == set(good)
    assert all([row["v"] for row in body["things"]] == ["'", "x\n", "y"] for body in arrived.parents.values())
    assert (referring["confirmed"], referring["waiting"]) == (len(good), 1)
    assert {each["y"]: each["parent"] for each in arrived.referring} == {text: f"a/{text}?" for text in good}

    (it.state / "parents.duckdb").unlink()  # bindings alone keep a record from being created once more
    assert it.run("parents").get("added", 0) == 1
    assert arrived.requests == len(arrived.parents) + 1 + len(good)


FILES = """
object: papers
source: {connection: erp, query: "SELECT a, v FROM thing", key: [a]}
files: {paper: "{{ v }}"}
send:
  - on: [added, changed]
    request: {method: PUT, path: "/papers/{{ a | path }}", file: paper}
"""


def test_a_path_that_leads_to_no_file_is_refused_alone(it: World) -> None:
    it.edit("project", ("files_root: .", "files_root: papers"))
    it.add("papers", FILES)
    folder = it.folder / "papers"
    folder.mkdir()
    (folder / "paper ż.pdf").write_bytes(b"[7]")
    os.mkfifo(folder / "pipe")
    (folder / "circle").symlink_to("circle")
    (folder / "out").symlink_to(it.erp)
    paths = [
        "\0",
        "a\0b",
        "x" * 300,
        "x/" * 3_000,
        "pipe",
        "circle",
        "out",
        ".",
        "..",
        "/etc/passwd",
        "/dev/zero",
        "nobody",
        None,
    ]
    put(it, [(n, None, path) for n, path in enumerate(paths)] + [(len(paths), None, "paper ż.pdf")])
    bodies: list[bytes] = []
    it.platform.rule = lambda seen: bodies.append(seen.body) or Reply()

    counts = it.run("papers")

    assert (counts["confirmed"], counts["rejected"], bodies) == (1, len(paths), [b"[7]"])
    assert it.run("papers") == {
        "extracted": len(paths) + 1,
        "unchanged": 1,
        "added": len(paths),
        "rejected": len(paths),
    }


def test_a_row_too_large_to_work_with_is_refused_alone(it: World) -> None:
    put(it, [("a", "5 MB", "x" * 5_000_000), ("a", "50 MB", "x" * 50_000_000), ("a", "small", "x")])
    arrived = Arrived()
    it.platform.rule = arrived.take

    assert it.run("lines")["confirmed"] == 2
    assert it.rejected("lines") == {("a", "50 MB"): "key"}
    assert {key[1]: len(value) for key, value in arrived.lines.items()} == {"5 MB": 5_000_000, "small": 1}


HEAVY = """
object: papers
source:
  connection: erp
  query: SELECT DISTINCT a || '' AS a, 'x' || a AS title FROM thing
  key: [a]
  children:
    pages: {query: "SELECT a || '' AS a, b, v FROM thing", parent: [a], order_by: [b]}
fields: {id: "{{ a }}", title: "{{ title }}", pages: {$each: pages, $value: "{{ v }}"}}
send:
  - on: [added, changed]
    chunk_size: 10
    request: {method: POST, path: /papers, idempotent: true, body: {papers: "{{ lines }}"}}
guards: {max_removed: 100%, min_rows: 0}
"""


@pytest.mark.parametrize(("object_", "rows", "size"), [("lines", 2_100, 12_500), ("papers", 25, 1_000_000)])
def test_many_heavy_rows_that_do_not_fit_in_the_usual_memory_go_all(
    it: World, object_: str, rows: int, size: int
) -> None:
    it.add("papers", HEAVY)
    heavy = [(f"{n % 7}", n, f"{n:05d}" * (size // 5)) for n in range(rows)]
    arrived: dict[str, int] = {}

    def take(seen: Seen) -> Reply:
        found = json.loads(seen.body)
        values = found["lines"] if object_ == "lines" else [{"v": page} for p in found["papers"] for page in p["pages"]]
        arrived.update({each["v"][-5:]: len(each["v"]) for each in values})
        return Reply()

    it.platform.rule = take
    for _ in ("loaded", "changed"):
        heavy = [(a, n, f"{value}!{n:05d}") for a, n, value in heavy]
        put(it, heavy)

        counts = it.run(object_)

        assert it.code is None
        assert arrived == {f"{n:05d}": len(value) for _, n, value in heavy}
        assert counts["confirmed"] == (rows if object_ == "lines" else 7)
        assert it.run(object_).keys() == {"extracted", "unchanged"}


def test_many_wide_rows_that_do_not_fit_in_the_usual_memory_go_all(it: World) -> None:
    columns = [f"c{number}" for number in range(150)]
    query = f"SELECT b, {', '.join(f'v || {n} AS {name}' for n, name in enumerate(columns))} FROM thing"
    fields = "".join(f'  {name}: "{{{{ {name} }}}}"\n' for name in columns)
    body = '{lines: "{{ lines }}", gone: {$each: removed, b: "{{ b }}"}}'
    it.add(
        "wide",
        f'object: wide\nsource: {{connection: erp, query: "{query}", key: [b]}}\nfields:\n{fields}'
        "send:\n  - on: [added, changed, removed]\n    chunk_size: 1000\n"
        f"    request: {{method: POST, path: /wide, idempotent: true, body: {body}}}\n"
        "guards: {max_removed: 100%, min_rows: 0}\n",
    )
    arrived: dict[str, int] = {}

    def take(seen: Seen) -> Reply:
        found = json.loads(seen.body)
        arrived.update({line["c0"]: len(line) for line in found["lines"]})
        arrived.update({f"gone {line['b']}": 1 for line in found["gone"]})
        return Reply()

    it.platform.rule = take
    for sign in ("!", "?"):
        arrived.clear()
        put(it, [("", n, f"{n}{sign}") for n in range(6_000)])

        assert it.run("wide")["confirmed"] == 6_000
        assert arrived == {f"{n}{sign}0": 150 for n in range(6_000)}
    arrived.clear()
    put(it, [("", 1, "1?")])

    assert it.run("wide")["confirmed"] == 5_999
    assert arrived == {f"gone {n}": 1 for n in range(6_000) if n != 1}
