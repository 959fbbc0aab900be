"""The log of received requests keeps its bounds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.sandbox import received
from engine.sandbox.received import Received

AT = datetime(2031, 3, 2, tzinfo=UTC)


def test_the_oldest_entries_and_bodies_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "MAX_ENTRIES", 4)
    monkeypatch.setattr(received, "MAX_BODIES", 2)
    log = Received()
    for number in range(1, 7):
        log.open(method="POST", path="/", query="", body=f"{number}".encode(), lines=1, at=AT)

    kept = {since: [(entry["number"], entry["body"]) for entry in log.since(since)] for since in (0, 4, 6, 9)}

    entries = [(3, None), (4, None), (5, "5"), (6, "6")]
    assert (kept, log.total) == ({0: entries, 4: entries[2:], 6: [], 9: []}, 6)


def test_a_body_over_the_limit_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "MAX_BODY_BYTES", 3)
    log = Received()
    for body in (b"abc", b"abcd", b""):
        log.open(method="POST", path="/", query="", body=body, lines=1, at=AT)

    assert [(entry["body"], entry["size_bytes"]) for entry in log.since(0)] == [("abc", 3), (None, 4), (None, 0)]
