"""Documents and pages of a feed that are not as they should be: one record is refused by name, or the read says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from engine.connections.sql.database import SqlEnd, StatementCall
from world.faults import Fault
from world.project import World, mapping, world
from world.wire import Reply, Seen


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.platform.page = 1000
        yield made


def reply(value: Any) -> Reply:
    return Reply(body=json.dumps(value).encode())


def cursor(it: World) -> Any:
    with it.journal() as journal:
        return journal.runs.standing("letters").cursor


def letter(**fields: Any) -> bytes:
    return json.dumps({"subject": "s", "lines": [], **fields}).encode()


# --- documents ----------------------------------------------------------------------------------------------------

DEEP = b'{"id": "%s", "subject": "s", "deep": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
WRITTEN: dict[str, tuple[bytes, str]] = {  # the document, its id as %s; the subject that stands in the ERP
    "NUL": (b'{"id": "%s", "subject": "a\\u0000b"}', "a\0b"),
    "BOM": (b'\xef\xbb\xbf{"id": "%s", "subject": "s"}', "s"),
    "doubled keys": (b'{"id": "x", "subject": "first", "id": "%s", "subject": "last"}', "last"),
    "400 digits": (b'{"id": "%s", "subject": ' + b"7" * 400 + b"}", "7" * 400),
    "5000 digits": (b'{"id": "%s", "subject": ' + b"7" * 5000 + b"}", "7" * 5000),
    "400 digits and a fraction": (b'{"id": "%s", "subject": 1' + b"7" * 400 + b".25}", "1" + "7" * 400 + ".25"),
    "a list for a text": (b'{"id": "%s", "subject": [1, "\xc5\xbc"]}', '[1,"ż"]'),
    "an object for a text": (b'{"id": "%s", "subject": {"b": 1.50, "a": null}}', '{"b":1.50,"a":null}'),
    "a megabyte": (b'{"id": "%s", "subject": "' + b"x" * 1_000_000 + b'"}', "x" * 1_000_000),
    "right to left": ('{"id": "%s", "subject": "\u202eabc\u200f e\u0301 🦊"}'.encode(), "\u202eabc\u200f e\u0301 🦊"),
    "150 levels": (b'{"id": "%s", "subject": "s", "deep": ' + b"[" * 150 + b"]" * 150 + b"}", "s"),
    "lines are null": (b'{"id": "%s", "subject": "s", "lines": null}', "s"),
    "no lines": (b'{"id": "%s", "subject": "s"}', "s"),
}
REFUSED: dict[str, tuple[bytes, str]] = {  # the document; the stage that refuses it
    "no JSON": (b"<html>", "target"),
    "half of it": (b'{"id": "%s", "subj', "target"),
    "no UTF-8": (b'{"id": "%s", "subject": "\xff"}', "target"),
    "half a character": (b'{"id": "%s", "subject": "\\ud800"}', "target"),
    "NaN": (b'{"id": "%s", "subject": NaN}', "target"),
    "10,000 levels": (DEEP, "target"),
    "1e9999999999": (b'{"id": "%s", "subject": 1e9999999999999999999999}', "target"),
    "null": (b"null", "target"),
    "nothing": (b"", "target"),
    "a list": (b"[]", "target"),
    "a text": (b'"s"', "target"),
    "no key": (b'{"subject": "s"}', "key"),
    "key is null": (b'{"id": null, "subject": "s"}', "key"),
    "1e999999999": (b'{"id": "%s", "subject": 1e999999999}', "target"),
    "subject is null": (b'{"id": "%s", "subject": null}', "target"),
    "lines are an object": (b'{"id": "%s", "subject": "s", "lines": {"number": 1}}', "render"),
    "lines are a text": (b'{"id": "%s", "subject": "s", "lines": "1"}', "render"),
    "lines are false": (b'{"id": "%s", "subject": "s", "lines": false}', "render"),
    "a line without its key": (b'{"id": "%s", "subject": "s", "lines": [{"text": "t"}, {"text": "u"}]}', "render"),
}


def serve(it: World, documents: dict[str, bytes]) -> None:
    """Let the platform have an event and a document for each name."""

    def rule(seen: Seen) -> Fault | None:
        name = unquote(urlsplit(seen.target).path).removeprefix("/letters/")
        body = documents.get(name)
        return None if body is None else Reply(body=body.replace(b"%s", name.encode()))

    for name in documents:
        it.platform.write(name, {})
    it.platform.rule = rule


def test_a_document_is_written_exactly_or_refused_alone_and_kept(it: World) -> None:
    it.edit(
        "letters",
        (
            'key: {letter_id: "{{ parent.id }}", number: "{{ number }}"}',
            'key: {letter_id: "{{ parent.id }}", number: "{{ number | number }}"}',
        ),
    )
    it.sql(
        "DROP TABLE letter_line",
        "CREATE TABLE letter_line (letter_id, number INTEGER NOT NULL, text, PRIMARY KEY (letter_id, number))",
    )
    documents = {name: body for name, (body, _) in {**WRITTEN, **REFUSED}.items()}
    serve(it, documents)

    counts = it.run("letters")
    rejected = it.rejected("letters")
    with it.journal() as journal:
        kept = {each.key[0]: json.loads(each.document or "null") for each in journal.rejections.of("letters")}

    held = dict(it.sql("SELECT id, subject FROM letter"))
    assert held == {name: subject for name, (_, subject) in WRITTEN.items()}
    assert {key[0]: stage for key, stage in rejected.items()} == {name: stage for name, (_, stage) in REFUSED.items()}
    assert all(each.keys() & {"item", "document"} for each in kept.values())
    assert (counts["extracted"], counts["confirmed"], counts["rejected"]) == (
        len(documents),
        len(WRITTEN),
        len(REFUSED),
    )
    assert cursor(it) == len(documents)
    it.run("letters")
    assert (it.rejected("letters"), dict(it.sql("SELECT id, subject FROM letter"))) == (rejected, held)

    serve(it, {name: letter(id=name) for name in REFUSED})  # mended: an operator tries them again
    it.platform.events = []
    with it.journal() as journal:
        journal.rejections.retry("letters", rejected)
    it.run("letters")
    assert it.rejected("letters").keys() == {key for key in rejected if "document" in (kept[key[0]] or {})}
    assert {name for (name,) in it.sql("SELECT id FROM letter")} >= {
        key[0] for key in rejected if "item" in kept[key[0]]
    }


def test_a_document_that_fails_at_the_source_is_refused_alone_when_others_answer(it: World) -> None:
    for name in ("l1", "l2", "l3"):
        it.platform.write(name, {"id": name, "subject": "s", "lines": []})
    it.platform.rule = lambda seen: 500 if seen.target == "/letters/l2" else None
    counts = it.run("letters")

    assert (counts["confirmed"], counts["rejected"], cursor(it)) == (2, 1, 3)
    assert it.rejected("letters") == {("l2",): "target"}


def test_a_document_too_large_to_work_with_stops_nobody(it: World) -> None:
    sizes = {"10 MB": 10, "50 MB": 50, "100 MB": 100}  # the last is longer than what is taken in at all
    documents = {name: b'{"id": "%s", "subject": "' + b"x" * (size * 1_000_000) + b'"}' for name, size in sizes.items()}
    serve(it, {**documents, "small": letter(id="small")})

    counts = it.run("letters")

    assert (counts["confirmed"], counts["rejected"]) == (2, 2)
    assert it.sql("SELECT id, length(subject) FROM letter ORDER BY 2") == [("small", 1), ("10 MB", 10_000_000)]
    assert it.rejected("letters") == {("50 MB",): "target", ("100 MB",): "target"}


# --- items --------------------------------------------------------------------------------------------------------


def test_items_that_name_nothing_are_refused_one_by_one_and_none_is_lost(it: World) -> None:
    items = [
        5,
        "text",
        [],
        ["x"],
        {},
        {"id": None},
        {"id": ""},
        {"id": {"a": 1}},
        {"id": None, "type": "REMOVED"},
    ]
    it.platform.write("good", {"id": "good", "subject": "s"})
    it.platform.events = [*items, *it.platform.events, {"id": "nobody", "type": "CHANGED"}]

    counts = it.run("letters")

    assert (counts["extracted"], counts["confirmed"], counts["rejected"]) == (len(items) + 2, 1, len(items) + 1)
    with it.journal() as journal:
        kept = [json.loads(each.document or "")["item"] for each in journal.rejections.of("letters")]
    expected = [*items, {"id": "nobody", "type": "CHANGED"}]
    assert sorted(map(repr, kept)) == sorted(map(repr, expected))


def test_items_repeated_in_a_page_and_over_pages_are_one_record(it: World) -> None:
    it.platform.page = 3
    it.platform.letters = {"a": {"id": "a", "subject": "s"}, "b": {"id": "b", "subject": "s"}}
    it.platform.events = [{"id": each, "type": type_} for type_ in ("NEW", "CHANGED", "PAID") for each in "aab"]

    it.run("letters")

    assert it.sql("SELECT id FROM letter ORDER BY id") == [("a",), ("b",)]
    assert cursor(it) == 9


LETTERS = mapping("letters")
PLAIN = (
    LETTERS[: LETTERS.index("    removed:")] + LETTERS[LETTERS.index("  key: [id]") : LETTERS.index("  removed:\n")]
).replace("object: letters", "object: plain")


def test_items_that_are_the_documents_are_refused_alone_where_they_are_none(it: World) -> None:
    it.add("plain", PLAIN)
    it.platform.events = [
        {"id": "a", "subject": "s"},
        None,
        "x",
        {"subject": "1"},
        {"subject": "2"},
        {"id": "b", "subject": "s"},
    ]

    counts = it.run("plain")

    assert (counts["extracted"], counts["confirmed"], counts["rejected"]) == (6, 2, 4)
    with it.journal() as journal:
        kept = [json.loads(each.document or "") for each in journal.rejections.of("plain")]
    assert [each["item"] for each in kept if each["item"]] == [{"subject": "1"}, {"subject": "2"}, "x"] or kept


@pytest.mark.parametrize("lacking", [{}, {"lines": None}, {"rows": [{"number": 1, "text": "one"}]}], ids=str)
def test_a_list_that_is_not_there_is_no_empty_list(it: World, lacking: dict[str, Any]) -> None:
    it.edit("letters", ("      $absent: none\n", ""))
    it.platform.write("l1", {"id": "l1", "subject": "s", "lines": [{"number": 1, "text": "one"}]})
    it.run("letters")

    it.platform.write("l1", {"id": "l1", "subject": "later", **lacking})
    assert it.run("letters")["rejected"] == 1
    assert it.sql("SELECT text FROM letter_line") == [("one",)]

    it.platform.write("l1", {"id": "l1", "subject": "last", "lines": []})
    assert it.run("letters")["confirmed"] == 1
    assert it.sql("SELECT text FROM letter_line") == []


# --- pages --------------------------------------------------------------------------------------------------------

PAGES: dict[str, tuple[Reply, str | None]] = {  # the answer of the feed; the code of the run's failure
    "nothing new": (reply({"events": [], "next": 0}), None),
    "nothing new, and no list": (reply({"next": 0}), None),
    "no body": (Reply(status=204, raw=b"HTTP/1.1 204 No Content\r\n\r\n"), None),
    "null": (Reply(body=b"null"), None),
    "an error in JSON": (reply({"error": "try again"}), "E_FEED"),
    "a list": (Reply(body=b"[]"), "E_FEED"),
    "html": (Reply(body=b"<html>"), "E_SOURCE"),
    "half of it": (Reply(body=b'{"events": ['), "E_SOURCE"),
    "no UTF-8": (Reply(body=b'{"events": ["\xff"]}'), "E_SOURCE"),
    "10,000 levels": (Reply(body=b'{"next": 5, "events": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"), "E_SOURCE"),
    "items are an object": (reply({"events": {"id": "l1"}, "next": 5}), "E_FEED"),
    "items are a text": (reply({"events": "l1", "next": 5}), "E_FEED"),
    "items are a number": (reply({"events": 7, "next": 5}), "E_FEED"),
    "next is an object": (reply({"events": [{"id": "l1"}], "next": {"id": 5}}), "E_FEED"),
    "next is a fraction": (reply({"events": [{"id": "l1"}], "next": 5.5}), "E_FEED"),
    "next is a flag": (reply({"events": [{"id": "l1"}], "next": True}), "E_FEED"),
    "3xx": (Reply(status=302, headers={"Location": "/x"}), "E_REDIRECT"),
    "400": (Reply(status=400), "E_FEED"),
    "500": (Reply(status=500), "E_SOURCE"),
}


@pytest.mark.parametrize("answer", PAGES)
def test_a_page_that_is_none_fails_the_read_and_moves_no_cursor(it: World, answer: str) -> None:
    page, code = PAGES[answer]
    it.platform.write("l1", {"id": "l1", "subject": "s"})
    it.platform.plan(page)
    it.run("letters")

    assert (it.code, cursor(it)) == (code, None)
    assert it.run("letters")["confirmed"] == 1


@pytest.mark.parametrize("turns", [[1, 0], [1, 2, 3, 1], [5, 4, 3, 2, 1, 5], ["a", "b", "c", "b"]])
def test_a_feed_that_leads_in_a_circle_is_told_and_loses_nothing(it: World, turns: list[Any]) -> None:
    it.platform.write("l1", {"id": "l1", "subject": "s"})
    after = dict(zip([0, *turns], turns, strict=False))

    def rule(seen: Seen) -> Fault | None:
        if not seen.target.startswith("/feed"):
            return None
        place = seen.target.rpartition("=")[2]
        following = next(value for key, value in after.items() if str(key) == place)
        return reply({"events": [{"id": "l1", "type": "CHANGED"}], "next": following})

    it.platform.rule = rule
    it.run("letters")

    assert it.code == "E_FEED"
    assert it.sql("SELECT id FROM letter") == [("l1",)]


def test_a_paged_list_that_breaks_off_removes_nothing(it: World) -> None:
    listed = LETTERS.replace("object: letters", "object: listed")
    listed = (
        listed[: listed.index("  feed:")]
        + """  pages:
    request: {path: /list, query: {page: "{{ page }}"}}
    items: "{{ body.items }}"
"""
        + listed[listed.index("  key: [id]") :].replace(
            "UPDATE letter SET gone = 1 WHERE id = :id", "DELETE FROM letter WHERE id = :id"
        )
    )
    listed = listed[: listed.index("  removed:")]
    it.add("listed", listed)
    whole = {"1": [{"id": "a", "subject": "s"}], "2": [{"id": "b", "subject": "s"}], "3": []}
    it.platform.rule = lambda seen: reply({"items": whole[seen.target.rpartition("=")[2]]})
    it.run("listed")

    for broken in ({"error": "x"}, {"items": None}, {"items": {}}, {"items": ""}):
        it.platform.rule = lambda seen, broken=broken: reply(
            broken if seen.target.endswith("2") else {"items": whole["1"]}
        )
        counts = it.run("listed")
        assert (it.code, counts.get("unhandled_removed"), counts.get("removed")) == ("E_FEED", None, None)


def test_an_absolute_link_to_the_connection_s_own_host_goes_with_its_headers(it: World) -> None:
    it.add("listed", linked("{{ link or '/list' }}"))
    asked: list[Seen] = []

    def rule(seen: Seen) -> Fault | None:
        asked.append(seen)
        following = f"http://{seen.header('Host')}/list?page=2" if len(asked) == 1 else None
        return reply({"items": [{"id": f"l{len(asked)}", "subject": "s"}], "next": following})

    it.platform.rule = rule

    assert it.run("listed")["confirmed"] == 2
    assert [(each.target, each.header("ApiAuth")) for each in asked] == [("/list", "key"), ("/list?page=2", "key")]


def linked(path: str) -> str:
    """Give letters as a list whose pages name the next one."""
    text = LETTERS.replace("object: letters", "object: listed")
    pages = f"""  pages:
    request: {{path: "{path}"}}
    items: "{{{{ body.items }}}}"
    next: "{{{{ body.next }}}}"
"""
    text = text[: text.index("  feed:")] + pages + text[text.index("  key: [id]") :]
    return text[: text.index("  removed:")]


# --- databases that refuse more than SQLite ---------------------------------------------------------------------------

STRICT = """
CREATE TABLE letter (id VARCHAR(50) PRIMARY KEY, subject VARCHAR(10) NOT NULL, amount DECIMAL(38, 10), number INTEGER,
    day DATE, moment TIMESTAMP NULL)
"""
FINE = {"subject": '"Zażółć 🦊"', "amount": "1.5", "number": "7", "day": '"2026-11-21"', "moment": "null"}
VALUES: dict[str, tuple[str, str, bool]] = {  # field and value as JSON, and whether it is written
    "ten characters": ("subject", '"1234567890"', True),
    "38 digits": ("amount", "1234567890123456789012345678.0123456789", True),
    "an exponent": ("amount", "12E-1", True),
    "the first day": ("day", '"0001-01-01"', True),
    "before 1900": ("day", '"1899-12-31"', True),
    "eleven characters": ("subject", '"12345678901"', False),
    "39 digits": ("amount", "12345678901234567890123456789.5", False),
    "1e999999999": ("amount", "1e999999999", False),
    "400 digits": ("number", "7" * 400, False),
    "out of range": ("number", "2147483648", False),
    "a text for a number": ("number", '"seven"', False),
    "a list for a number": ("number", "[1]", False),
    "no such day": ("day", '"2026-02-30"', False),
    "no day": ("day", '"soon"', False),
    "no such hour": ("moment", '"2026-11-21T25:00:00"', False),
    "null": ("subject", "null", False),
    "NUL": ("subject", '"a\\u0000b"', True),  # of PostgreSQL alone it is refused
}
LAX = "?init_command=SET sql_mode = ''"  # as many an old ERP: texts are cut, numbers clipped


@pytest.mark.parametrize("database", ["postgres", "mariadb"])
def test_a_database_takes_a_document_exactly_or_refuses_it_alone(
    it: World, database: str, request: pytest.FixtureRequest
) -> None:
    lax = database == "mariadb"
    url = request.getfixturevalue(f"{database}_url") + (LAX if lax else "")
    it.variables["ERP"] = url
    names = ", ".join(f'{name}: "{{{{ {name} }}}}"' for name in FINE)
    table = f"    - table: letter\n      key: {{id: '{{{{ id }}}}'}}\n      fields: {{{names}}}\n"
    it.add("plain", f"{PLAIN[: PLAIN.index('    - table:')]}{table}")
    texts = []
    for name, (field, value, _) in VALUES.items():
        fields = {"id": json.dumps(name), **FINE, field: value}
        texts.append("{" + ", ".join(f'"{key}": {text}' for key, text in fields.items()) + "}")
    page = f'{{"next": 1, "events": [{", ".join(texts)}]}}'.encode()
    it.platform.rule = lambda seen: reply({"next": 1, "events": []}) if "=1" in seen.target else Reply(body=page)

    end = SqlEnd(url, name="erp")
    for sql in ("DROP TABLE IF EXISTS letter", STRICT + (" CHARACTER SET utf8mb4" if lax else "")):
        end.write([StatementCall(sql=sql)])
    counts = it.run("plain")
    held = {row[0]: row[1:] for _, rows in end.rows("SELECT * FROM letter", {}) for row in rows}
    end.close()

    written = {name for name, (_, _, fine) in VALUES.items() if fine and (lax or name != "NUL")}
    assert held.keys() == written
    assert {key[0] for key in it.rejected("plain")} == VALUES.keys() - written
    assert (counts["confirmed"], counts["rejected"]) == (len(written), len(VALUES) - len(written))
    assert held["38 digits"][1] == Decimal("1234567890123456789012345678.0123456789")
    assert (held["an exponent"][1], held["ten characters"][0]) == (Decimal("1.2"), "1234567890")
    assert (held["the first day"][3], held["the first day"][0]) == (date(1, 1, 1), "Zażółć 🦊")
