"""Random histories of records that are created, updated and removed one by one: none is ever created twice.

Real requests, decisions, claims, bindings and files; only the wire is missing: the platform answers in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from threading import Event

import pytest

from engine.connections.settings import HttpConnection, Retry
from engine.delivery.targets import HttpTarget
from engine.state.journal.bindings import Bindings
from engine.state.journal.claims import Claims
from engine.values.arrow import Batch
from engine.values.exchanges import Answer, Answered, Lost, NotSent, Outgoing
from world.deaths import Fuse
from world.histories import Story, batch, begun
from world.platform import Platform
from world.project import mapping, memory
from world.wire import Seen

KEYS = tuple(f"k{number:02}" for number in range(12))
STEPS = 6
FAULTS = ("ok",) * 30 + ("before", "after", "unsent", 422, 429, 503) * 2 + ("kill before", "kill after")
SETTINGS = HttpConnection(
    name="one",
    base_url="http://127.0.0.1",
    concurrency=1,
    retry=Retry(attempts=2, first_delay_seconds=0, max_delay_seconds=0),
)


@dataclass
class End:
    """An HTTP end without a wire."""

    platform: Platform
    fuse: Fuse
    random: Random | None = None  # None: all goes well

    trusted = True

    def openings(self) -> int:
        return 0

    def refuse(self, reason: str) -> None:
        raise AssertionError(reason)

    def asked(self, request: Outgoing) -> str:
        return request.asked

    def exchange(
        self, request: Outgoing, *, stop: Event | None = None, counts: bool = True, expected: object = ()
    ) -> Answer:
        self.fuse.step()
        fault = self.random.choice(FAULTS) if self.random else "ok"
        if fault == "kill before":
            self.fuse.die()
        if fault == "unsent":
            return NotSent(reason="no connection")
        if fault == "before":
            return Lost(reason="silence")
        if isinstance(fault, int):
            return Answered(status=fault)
        query = "&".join(f"{name}={value}" for name, value in request.query)
        target = f"{request.path}?{query}" if query else str(request.path)
        seen = Seen(method=request.method, target=target, headers=(), body=request.body or b"", at=0.0, connection=0)
        reply = self.platform.answer(seen)
        if fault == "kill after":
            self.fuse.die()
        return Lost(reason="silence") if fault == "after" else Answered(status=reply.status, body=reply.body)

    def open_until(self) -> datetime | None:
        return None

    def fault(self, request: Outgoing) -> str | None:
        return None


@dataclass
class Clients:
    """The clients of an ERP."""

    names: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)  # for good: a client that returns would be another one

    def change(self, random: Random) -> None:
        for key in KEYS:
            chance = random.random()
            if chance < 0.12 and key in self.names:
                del self.names[key]
                self.gone.add(key)
            elif chance < 0.5 and key not in self.gone:
                self.names[key] = f"name {random.randrange(3)}"

    def read(self) -> Batch:
        return batch({"id": list(self.names), "name": list(self.names.values())})


def play(seed: int, folder: Path) -> Platform:
    """Play a history; the source and the target are equal at its end, if all is well."""
    random, platform, clients = Random(seed), Platform(), Clients()
    text = mapping("clients").replace("settle_seconds: 0.01", "settle_seconds: 0")
    with begun(folder, "clients", text) as (program, around, fuse):
        end = End(platform, fuse)
        it = Story(
            program=program,
            around=around,
            fuse=fuse,
            read=clients.read,
            target=HttpTarget(program, end, SETTINGS),  # type: ignore[arg-type]
            fallible=end,
            longest=80,
        )
        for _ in range(STEPS):
            clients.change(random)
            it.faulty(random)
            if random.random() < 0.2:
                (folder / "state" / "clients.duckdb").unlink(missing_ok=True)
                (folder / "state" / "clients.duckdb.wal").unlink(missing_ok=True)
        it.forgive()
        it.calm()
        it.forgive()
        it.calm()
        last = it.calm()

    names = platform.names()
    assert {key: names.get(key) for key in clients.names} == clients.names
    assert last.counts.confirmed == 0
    assert last.failure is None
    return platform


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_each_client_is_created_once_and_ends_as_the_source_says(seed: int) -> None:
    with memory() as folder:
        play(seed, folder)


# --- the rules are needed ------------------------------------------------------------------------------------


def no_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Claims, "add", lambda self, object_, claims, run_id: None)


def claims_end_with_the_attempt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Claims, "end", lambda self, object_, keys, at, reason: self.drop(object_, keys))


def no_binding(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Bindings, "add", lambda self, object_, bindings: list(bindings))


def claims_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Claims, "of", lambda self, object_: [])


@pytest.mark.parametrize(
    "leave_out",
    [no_claim, claims_end_with_the_attempt, no_binding, claims_are_not_looked_at],
    ids=lambda leave_out: leave_out.__name__,
)
def test_each_rule_is_missed_where_it_is_left_out(
    leave_out: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out(monkeypatch)

    assert any(_goes_wrong(seed) for seed in range(14))


def _goes_wrong(seed: int) -> bool:
    with memory() as folder:
        try:
            play(seed, folder)
        except AssertionError:
            return True
    return False
