"""Answers that lie, break off or speak of other things: nothing is confirmed that the target did not confirm."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from engine.values.errors import ConfigError
from world.faults import Fault
from world.project import World, world
from world.wire import Reply, Seen

ITEMS = """items: {at: '{{ body.results }}', key: '{{ item.id }}', ok: '{{ item.ok }}', error: '{{ item.error }}'}"""
RESULTS = ("    chunk_size: 100\n", f"    chunk_size: 100\n    {ITEMS}\n")


def with_line_key(template: str) -> tuple[str, str]:
    """Give the edit that adds results per line with a `line_key`."""
    return RESULTS[0], RESULTS[1].replace("ok:", f"line_key: '{{{{ {template} }}}}', ok:")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def answer(value: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode())


def all_right(seen: Seen) -> Reply:
    """Confirm all that a request names."""
    body = json.loads(seen.body)
    return answer(
        {"results": [{"id": id_, "ok": True} for id_ in [each["id"] for each in body["items"]] + body["gone"]]}
    )


def group(seen: Seen) -> str:
    return unquote(seen.target.rpartition("/")[2])


# --- results per line -------------------------------------------------------------------------------------------

A, B, C = ({"id": id_, "ok": True} for id_ in "ABC")
NO_A = {"id": "A", "ok": False, "error": "no"}
LINES: dict[str, tuple[Any, str, str]] = {  # the results; the lines confirmed, the lines refused
    "all": ([A, B, C], "ABC", ""),
    "in another order": ([C, A, B], "ABC", ""),
    "some missing": ([A, C], "AC", ""),
    "others besides": ([A, B, C, {"id": "D", "ok": True}, {"id": None, "ok": True}, {"ok": True}], "ABC", ""),
    "said twice alike": ([A, A, B, C], "ABC", ""),
    "said twice otherwise": ([NO_A, A, B, C], "BC", ""),
    "said twice otherwise, the refusal last": ([A, B, C, NO_A], "BC", ""),
    "refused twice for different reasons": ([NO_A, {**NO_A, "error": "never"}, B, C], "BC", ""),
    "refused": ([NO_A, B, C], "BC", "A"),
    "refused, the reason an object": ([{**NO_A, "error": {"why": ["no"]}}, B, C], "BC", "A"),
    "refused, the reason a megabyte": ([{**NO_A, "error": "x" * 1_000_000}, B, C], "BC", "A"),
    "ok is a text": ([{"id": "A", "ok": "true"}, {"id": "B", "ok": 1}, C], "C", "AB"),
    "ok is missing": ([{"id": "A"}, B, C], "BC", "A"),
    "none": ([], "", ""),
    "null": (None, "", ""),
    "a number": (5, "", ""),
    "a text": ("ABC", "", ""),
    "an object": ({"A": True}, "", ""),
    "no objects": (["A", "B", None, 5, ["C"]], "", ""),
    "keys that are lists": ([{"id": ["A"], "ok": True}, B, C], "BC", ""),
}


def test_a_line_is_confirmed_only_by_its_own_result(it: World) -> None:
    """A group for each case, all in one run."""
    it.edit("items", RESULTS)
    it.put("item", *((case, id_, 1) for case in LINES for id_ in "ABC"))
    it.platform.rule = lambda seen: answer({"results": LINES[group(seen)][0]})
    counts = it.run("items")
    rejected = it.rejected("items").keys()
    sent: set[tuple[str, str]] = set()

    def rule(seen: Seen) -> Reply:
        sent.update((group(seen), each["id"]) for each in json.loads(seen.body)["items"])
        return all_right(seen)

    it.platform.rule = rule
    it.run("items")

    confirmed = {(case, id_) for case, (_, ids, _) in LINES.items() for id_ in ids}
    refused = {(case, id_) for case, (_, _, ids) in LINES.items() for id_ in ids}
    assert (counts["confirmed"], counts["rejected"]) == (len(confirmed), len(refused))
    assert rejected == refused
    assert sent == {(case, id_) for case in LINES for id_ in "ABC"} - confirmed - refused


def test_numbers_and_texts_name_the_same_line(it: World) -> None:
    it.edit("items", RESULTS)
    it.put("item", ("W1", 5, 1), ("W1", 6, 1), ("W1", 7.50, 1))
    it.platform.plan(
        Reply(body=b'{"results": [{"id": "5", "ok": true}, {"id": 6.0, "ok": true}, {"id": 75e-1, "ok": true}]}')
    )

    assert it.run("items")["confirmed"] == 3


def test_lines_that_an_answer_cannot_tell_apart_do_not_confirm_each_other(it: World) -> None:
    """Of two lines of a request with an equal `line_key` one result speaks of both, so of neither."""
    it.edit("items", with_line_key("line.value"), ("added, changed, removed", "added, changed"))
    it.edit("items", ("\"{{ removed | map(attribute='id') | list }}\"", "[]"))
    it.put("item", ("W1", "A", "x"), ("W1", "B", "x"), ("W1", "C", "y"))
    it.platform.plan(answer({"results": [{"id": "x", "ok": True}, {"id": "y", "ok": True}]}))

    counts = it.run("items")

    assert (counts["confirmed"], counts["failed"]) == (1, 2)
    assert it.ledger("items", "W1", "C") is not None


def test_results_are_compared_with_the_key_column_that_the_group_does_not_fix(it: World) -> None:
    it.edit("items", RESULTS, ("key: [grp, id]", "key: [id, grp]"))
    it.put("item", ("W1", "A", 1), ("W1", "B", 1), ("W2", "A", 1))
    it.platform.rule = all_right
    added = it.run("items")
    it.put("item", ("W1", "A", 1))

    assert added["confirmed"] == 3
    assert it.run("items") == {"extracted": 1, "unchanged": 1, "removed": 2, "confirmed": 2, "requests": 2}


@pytest.mark.parametrize(
    ("edit", "remedy"),
    [
        (RESULTS, "give `items.line_key`"),
        (with_line_key("line.id"), "take removed records by an entry of their own"),
    ],
)
def test_results_that_may_speak_of_several_lines_are_refused_by_validate(
    it: World, edit: tuple[str, str], remedy: str
) -> None:
    it.edit("items", edit, ("    group_by: [grp]\n", ""), ("{{ grp | path }}", "x"))

    with pytest.raises(ConfigError) as caught:
        _ = it.app

    sentence = f"`items` compares with one column of the key, but in a request `grp`, `id` differ: {remedy}"
    assert [(each.code, each.message) for each in caught.value.problems] == [("E_ITEMS", sentence)]


# --- whole answers ------------------------------------------------------------------------------------------------

GZIP = {"Content-Encoding": "gzip"}
GARBAGE: dict[str, Reply] = {
    "html": Reply(body=b"<html>Welcome to the proxy</html>"),
    "empty": Reply(),
    "blanks": Reply(body=b" \r\n "),
    "204": Reply(status=204, raw=b"HTTP/1.1 204 No Content\r\n\r\n"),
    "null": Reply(body=b"null"),
    "half of it": Reply(body=b'{"clientId": "c-'),
    "a list": Reply(body=b"[]"),
    "a text": Reply(body=b'"clientId"'),
    "NaN": Reply(body=b'{"clientId": NaN}'),
    "no id": Reply(body=b'{"id": "c"}'),
    "the id is null": Reply(body=b'{"clientId": null}'),
    "the id is an object": Reply(body=b'{"clientId": {"id": "c"}}'),
    "the id is a list": Reply(body=b'{"clientId": ["c"]}'),
    "no UTF-8": Reply(body=b'{"clientId": "\xff"}'),
    "half a character": Reply(body=rb'{"clientId": "\ud800"}'),
    "nested deeply": Reply(body=b'{"clientId": "c", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "cut short": Reply(raw=b'HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"clientId": "c"}', close=True),
    "a chunk cut short": Reply(
        raw=b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"clientId": "c"}', close=True
    ),
    "gzip garbage": Reply(body=b'{"clientId": "c"}', headers=GZIP),
    "gzip cut short": Reply(body=gzip.compress(b'{"clientId": "c"}')[:-4], headers=GZIP),
    "a gzip bomb": Reply(body=gzip.compress(bytes(80_000_000)), headers=GZIP),
    "headers of a megabyte": Reply(headers={"X-Long": "x" * 1_000_000}, body=b'{"clientId": "c"}'),
    "100 megabytes": Reply(body=b'{"clientId": "' + b"c" * 100_000_000 + b'"}'),
}


def test_a_create_whose_answer_says_nothing_is_looked_up_and_not_sent_twice(it: World) -> None:
    """A client for each answer, once with the effect and once without, all in one run."""
    cases = {f"{name}, {effect}": (reply, effect) for name, reply in GARBAGE.items() for effect in ("done", "not done")}
    it.put("client", *((name, "Alfa") for name in cases))
    left = dict(cases)

    def rule(seen: Seen) -> Fault | None:
        body = json.loads(seen.body) if seen.method == "POST" else None
        if body is None or body["externalId"] not in left:
            return None
        reply, effect = left.pop(body["externalId"])
        if effect == "done":
            it.platform.create("clients", body)
        return reply

    it.platform.rule = rule
    counts = it.run("clients")

    assert it.platform.names() == dict.fromkeys(cases, "Alfa")
    assert {name: counts[name] for name in ("extracted", "added", "confirmed")} == dict.fromkeys(
        ("extracted", "added", "confirmed"), len(cases)
    )
    assert it.run("clients") == {"extracted": len(cases), "unchanged": len(cases)}


IDS: dict[str, tuple[bytes, str]] = {  # as answered, and as it stands in the next request's path
    "a number": (b"17", "17"),
    "a number with an exponent": (b"1.70E+1", "17"),
    "a number of 40 digits": (b"1" * 40, "1" * 40),
    "a text with a slash": (b'"a/b?c#d"', "a/b?c#d"),
    "dots": (b'"..."', "..."),  # of `.` and `..` a path is refused
    "a control character": (b'"a\\u001fb"', "a\x1fb"),
    "a NUL": (b'"a\\u0000b"', "a\0b"),
    "a smile": ('"🦊 ż"'.encode(), "🦊 ż"),
    "a flag": (b"true", "true"),
    "ten thousand characters": (b'"' + b"x" * 10_000 + b'"', "x" * 10_000),
}


def test_a_saved_id_comes_back_exactly(it: World) -> None:
    it.put("client", *((name, "Alfa") for name in IDS))
    it.platform.rule = lambda seen: Reply(
        status=201, body=b'{"clientId": %s}' % IDS[json.loads(seen.body)["externalId"]][0]
    )
    created = it.run("clients")
    it.put("client", *((name, "Beta") for name in IDS))
    seen_at: dict[str, str] = {}

    def rule(seen: Seen) -> Reply:
        seen_at[json.loads(seen.body)["externalId"]] = unquote(seen.target.removeprefix("/clients/"))
        return Reply(status=204)

    it.platform.rule = rule
    it.run("clients")

    assert created["confirmed"] == len(IDS)
    assert seen_at == {name: used for name, (_, used) in IDS.items()}


PLAIN: dict[str, Reply] = {  # answers that confirm where nothing is asked of their body
    "204": GARBAGE["204"],
    "an interim answer before": Reply(
        raw=b"HTTP/1.1 103 Early\r\n\r\n" * 50 + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    ),
    "HTTP/1.0, ended by closing": Reply(raw=b"HTTP/1.0 200 OK\r\n\r\n{}", close=True),
}


@pytest.mark.parametrize("reply", PLAIN.values(), ids=PLAIN)
def test_an_accepted_request_is_confirmed_where_nothing_is_asked_of_its_body(it: World, reply: Reply) -> None:
    it.put("item", ("W1", "A", 1))
    it.platform.plan(reply)

    assert it.run("items")["confirmed"] == 1


STRANGE: dict[str, Reply] = {
    "a page": Reply(body=b"<!DOCTYPE html><html>Log in</html>", headers={"Content-Type": "text/html"}),
    "a page, called JSON": Reply(body=b"<html>Log in</html>", headers={"Content-Type": "application/json"}),
    "a text": Reply(body=b"OK"),
    "half of it": Reply(body=b'{"done": tr'),
    "results for each line": Reply(status=207, body=b'{"results": [{"id": "A", "ok": false}]}'),
    "results for each line, empty": Reply(status=207),
}


@pytest.mark.parametrize("name", STRANGE)
def test_an_answer_that_is_not_the_platforms_own_confirms_nothing(it: World, name: str) -> None:
    it.put("item", ("W1", "A", 1))
    it.platform.plan(STRANGE[name])

    assert it.run("items")["failed"] == 1
    assert it.run("items")["confirmed"] == 1


def test_a_removal_that_a_page_answers_is_not_forgotten(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    it.sql("DELETE FROM client")
    it.platform.plan(STRANGE["a page"])

    assert it.run("clients")["failed"] == 1
    assert it.run("clients") == {"removed": 1, "confirmed": 1, "requests": 1}


@pytest.mark.parametrize("name", ["a page", "results for each line"])
def test_the_mapping_can_say_that_such_an_answer_is_right(it: World, name: str) -> None:
    it.edit("items", (RESULTS[0], f"{RESULTS[0]}    on_status: {{{STRANGE[name].status}: confirm}}\n"))
    it.put("item", ("W1", "A", 1))
    it.platform.plan(STRANGE[name])

    assert it.run("items")["confirmed"] == 1


def test_results_for_each_line_are_heard_where_the_mapping_reads_them(it: World) -> None:
    it.edit("items", RESULTS)
    it.put("item", ("W1", "A", 1))
    it.platform.rule = lambda seen: answer({"results": [A]}, 207)

    assert it.run("items")["confirmed"] == 1


@pytest.mark.parametrize("reply", [GARBAGE["cut short"], GARBAGE["a gzip bomb"], GARBAGE["headers of a megabyte"]])
def test_an_answer_that_did_not_arrive_whole_confirms_nothing(it: World, reply: Reply) -> None:
    it.put("item", ("W1", "A", 1))
    it.platform.plan(reply)

    assert it.run("items") == {"extracted": 1, "added": 1, "failed": 1, "requests": 1}
    assert it.run("items") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
