"""Refusals and redirects: one request's own where others are accepted, the connection's where none is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.operate.drop_rejected import drop_rejected
from engine.run.one_run import exit_of
from engine.schedule.service import _Pauses
from engine.values.errors import ConfigError, Exit, RunError
from world.project import World, world
from world.wire import Reply, Wire

NAMES = [f"c{number}" for number in range(10)]


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, "clients", "items", "letters", "docs") as made:
        yield made


def exit_code(it: World) -> Exit:
    assert it.last is not None
    return exit_of(it.last)


def refuse(it: World, status: int, *ids: str) -> None:
    """Refuse the creates of some clients."""
    it.platform.rule = lambda seen: status if seen.body and json.loads(seen.body).get("externalId") in ids else None


@pytest.mark.parametrize(
    ("odd", "concurrency", "status"), [("c0", 1, 403), ("c4", 1, 401), ("c9", 1, 302), ("c0", 10, 308), ("c4", 10, 403)]
)
def test_one_refusal_among_requests_that_are_accepted_is_its_record_s(
    it: World, status: int, concurrency: int, odd: str
) -> None:
    it.edit("project", ("concurrency: 1", f"concurrency: {concurrency}"))
    it.put("client", *((name, "Ala") for name in NAMES))
    refuse(it, status, odd)

    counts, code = it.run("clients"), exit_code(it)
    again = it.run("clients")

    assert counts == {"extracted": 10, "added": 10, "confirmed": 9, "rejected": 1, "requests": 10}
    assert code == Exit.PARTIAL
    assert it.rejected("clients") == {(odd,): "target"}
    assert again == {"extracted": 10, "unchanged": 9, "added": 1, "rejected": 1}


@pytest.mark.parametrize(("status", "code"), [(401, "E_CREDENTIALS"), (403, "E_CREDENTIALS"), (308, "E_REDIRECT")])
def test_where_nobody_is_accepted_nobody_is_rejected(it: World, status: int, code: str) -> None:
    it.put("client", *((name, "Ala") for name in NAMES))
    it.platform.rule = lambda seen: status

    assert it.run("clients") == {"extracted": 10, "added": 10, "failed": 10, "requests": 3}
    assert it.code == code
    assert it.rejected("clients") == {}


def test_redirects_half_way_do_not_say_that_nothing_was_attempted(it: World) -> None:
    it.put("client", *((name, "Ala") for name in NAMES))
    refuse(it, 308, *NAMES[4:])

    assert it.run("clients") == {"extracted": 10, "added": 10, "confirmed": 4, "failed": 6, "requests": 7}
    assert (it.code, exit_code(it)) == ("E_REDIRECT", Exit.UNAVAILABLE)


def test_credentials_that_are_refused_half_way_reject_nobody(it: World) -> None:
    it.put("client", *((name, "Ala") for name in NAMES))
    refuse(it, 401, *NAMES[4:])

    assert it.run("clients") == {"extracted": 10, "added": 10, "confirmed": 4, "failed": 6, "requests": 7}
    assert (it.code, exit_code(it)) == ("E_CREDENTIALS", Exit.UNAVAILABLE)


@pytest.mark.parametrize("status", [401, 403, 308])
def test_what_on_status_says_of_a_refusal_is_obeyed(it: World, status: int) -> None:
    it.edit("clients", ("  - on: [added]\n", f"  - on: [added]\n    on_status: {{{status}: reject}}\n"))
    it.put("client", *((name, "Ala") for name in NAMES))
    refuse(it, status, *NAMES[:9])

    assert it.run("clients") == {"extracted": 10, "added": 10, "confirmed": 1, "rejected": 9, "requests": 10}


@pytest.mark.parametrize("status", [403, 302])
def test_one_item_of_a_feed_that_is_forbidden_stops_no_other(it: World, status: int) -> None:
    for name in ("l1", "l2", "l3"):
        it.platform.write(name, {"id": name, "subject": "s", "lines": []})
    it.platform.rule = lambda seen: status if seen.target == "/letters/l2" else None
    it.run("letters")

    assert exit_code(it) == Exit.PARTIAL
    assert sorted(it.sql("SELECT id FROM letter")) == [("l1",), ("l3",)]


def test_an_item_that_stands_rejected_shows_in_each_run(it: World) -> None:
    for name in ("l1", "l2"):
        it.platform.write(name, {"id": name, "subject": "s", "lines": []})
    it.platform.rule = lambda seen: 404 if seen.target == "/letters/l2" else None
    first = (it.run("letters").get("rejected"), exit_code(it))
    second = (it.run("letters").get("rejected"), exit_code(it))
    assert it.last is not None
    told = it.last.status, it.last.notes
    it.platform.write("l2", {"id": "l2", "subject": "s", "lines": []})
    it.platform.rule = lambda seen: None
    it.run("letters")

    assert (first, second) == ((1, Exit.PARTIAL), (None, Exit.PARTIAL))
    assert told == ("partial", ("letters: 1 record stands rejected; see `one-sync rejected list letters`",))
    assert exit_code(it) == Exit.DONE


def test_a_document_of_another_record_is_rejected_and_overwrites_nobody(it: World) -> None:
    for name in ("l1", "l2"):
        it.platform.write(name, {"id": name, "subject": name, "lines": []})
    stray = Reply(body=b'{"id": "l1", "subject": "stray", "lines": []}')
    it.platform.rule = lambda seen: stray if seen.target == "/letters/l2" else None

    counts = it.run("letters")

    assert (counts["confirmed"], counts["rejected"], exit_code(it)) == (1, 1, Exit.PARTIAL)
    assert it.rejected("letters") == {("l2",): "key"}
    assert it.sql("SELECT id, subject FROM letter") == [("l1", "l1")]


def test_an_item_that_was_dropped_is_not_confirmed_and_comes_with_its_next_event(it: World) -> None:
    for name in ("l1", "l2"):
        it.platform.write(name, {"id": name, "subject": "old", "lines": []})
    it.run("letters")
    it.platform.write("l2", {"id": "l2", "subject": "lost", "lines": []})
    it.platform.rule = lambda seen: 404 if seen.target == "/letters/l2" else None
    it.run("letters")
    before = it.ledger("letters", "l2")

    dropped = drop_rejected(it.app, it.mapping("letters"), ["l2"])
    after = (it.run("letters"), exit_code(it), it.rejected("letters"), it.ledger("letters", "l2"))
    it.platform.write("l2", {"id": "l2", "subject": "new", "lines": []})
    it.platform.rule = lambda seen: None
    it.run("letters")

    assert (dropped.key, dropped.refusal.status) == (("l2",), 404)
    assert after[1:] == (Exit.DONE, {}, before)
    assert "confirmed" not in after[0]
    assert it.sql("SELECT subject FROM letter WHERE id = 'l2'") == [("new",)]


def test_only_items_of_feeds_are_dropped(it: World) -> None:
    with pytest.raises(ConfigError, match="correct it there"):
        drop_rejected(it.app, it.mapping("clients"), ["c0"])
    with pytest.raises(RunError, match="is not rejected"):
        drop_rejected(it.app, it.mapping("letters"), ["l9"])


@pytest.mark.parametrize(
    ("word", "found"),
    [("reject", (Exit.PARTIAL, None, [("l9",)])), ("stop", (Exit.UNAVAILABLE, "E_TARGET", []))],
)
def test_what_a_fetch_says_of_a_refusal_is_obeyed(it: World, word: str, found: Any) -> None:
    fetch = 'request: {method: GET, path: "/letters/{{ item.id | path }}"}'
    it.edit("letters", (fetch, f"{fetch}\n    on_status: {{401: {word}}}"))
    it.platform.page = 10
    for name in [*(f"l{number}" for number in range(5)), "l9"]:
        it.platform.write(name, {"id": name, "subject": "s", "lines": []})
    it.platform.rule = lambda seen: 401 if "/letters/" in seen.target and seen.target != "/letters/l9" else None

    it.run("letters")

    assert (exit_code(it), it.code, it.sql("SELECT id FROM letter")) == found
    with it.journal() as journal:
        assert journal.pauses.all() == {}


PATH = 'path: "/uploads/{{ saved.upload | path }}", file'


@pytest.mark.parametrize(("refusals", "counts"), [(1, {"confirmed": 1}), (9, {"rejected": 1})])
@pytest.mark.parametrize("status", [403])
def test_another_host_that_refuses_says_nothing_of_our_credentials(
    it: World, status: int, refusals: int, counts: dict[str, int]
) -> None:
    (it.folder / "a.pdf").write_bytes(b"pdf")
    it.put("doc", ("d1", "a.pdf"))
    it.put("client", ("c1", "Ala"))
    with Wire([Reply(status=status)] * refusals) as files:
        it.edit("docs", (PATH, PATH.replace('path: "', f'url: "{files.url}')))
        it.edit(
            "project", ("    concurrency: 1\n", f"    concurrency: 1\n    allow_hosts: ['127.0.0.1:{files.port}']\n")
        )
        first: dict[str, Any] = it.run("docs")

    assert {name: first[name] for name in counts} == counts
    assert len(files.seen) == 2  # the second one at a fresh address
    assert len({seen.target for seen in files.seen}) == 2
    assert it.run("clients")["confirmed"] == 1


def test_a_platform_whose_name_is_not_known_is_unavailable(it: World) -> None:
    it.variables["ONE"] = "http://nowhere.invalid"
    it.put("client", *((name, "Ala") for name in NAMES))

    assert it.run("clients") == {"extracted": 10, "added": 10, "failed": 10, "requests": 1}
    assert (it.code, exit_code(it)) == ("E_TARGET", Exit.UNAVAILABLE)


def test_a_key_that_was_exchanged_is_read_anew_before_the_connection_is_asked_again(it: World) -> None:
    (it.folder / "key.txt").write_text("old-key-1")
    it.edit("project", ('ApiAuth: "${KEY}"', 'ApiAuth: "${file:key.txt}", Shop: "${SHOP}"'))
    (it.folder / ".env").write_text("SHOP=old-shop")
    it.put("client", ("c1", "Ala"))
    keys: list[tuple[str | None, str | None]] = []

    def rule(seen: Any) -> Any:
        keys.append((seen.header("ApiAuth"), seen.header("Shop")))
        return 401 if seen.header("ApiAuth") == "old-key-1" else None

    it.platform.rule = rule
    refused = it.run("clients")
    (it.folder / "key.txt").write_text("new-key-2")
    (it.folder / ".env").write_text("SHOP=new-shop")
    pauses = _Pauses(it.app, {"clients": it.mapping("clients")})
    pauses.until("clients", it.clock())
    pauses.probe("clients")

    assert refused["failed"] == 1
    assert it.run("clients")["confirmed"] == 1
    assert keys == [("old-key-1", "old-shop"), ("new-key-2", "new-shop")]
