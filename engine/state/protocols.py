"""What a run needs of the ledger and of the journal: what any backend of the state has to keep.

`ledger.Ledger` and `journal.Journal` are the embedded ones. Every promise made here has a case in
`tests/integration/state/test_journal_contract.py`. What a run needs is less than what commands ask and change: history,
fires, retention and an operator's ways are no part of it.

Beside this a run needs a DuckDB file for its own work: the difference is found there, over the table `ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from engine.connections import Identity
from engine.state.journal.claims import Claim
from engine.state.journal.marks_and_receipts import Outcome
from engine.state.journal.pauses import Pause
from engine.state.journal.rejections import Rejection
from engine.state.journal.requests import Exchange
from engine.state.journal.runs import Standing
from engine.state.journal.step_progress import Progress
from engine.state.ledger import Outcomes
from engine.values import Key, ObjectResult, Range, Refusal


class RunLedger(Protocol):
    """What the target of one object has confirmed, and the changes of a run that is not settled."""

    @property
    def place(self) -> str:
        """Where it is kept, for people."""

    @property
    def generation(self) -> int:
        """How often it was settled."""

    @property
    def journal(self) -> str | None:
        """The identity of the journal that it belongs to; None: a new one."""

    def pair(self, identity: str) -> None:
        """Let it belong to a journal from now on."""

    @property
    def run_id(self) -> str | None:
        """The last run whose changes were numbered."""

    @property
    def unsettled(self) -> int:
        """The number of the last change that is not settled; 0: none."""

    @property
    def is_empty(self) -> bool:
        """Whether it holds no record."""

    def settle(self, outcomes: Outcomes, at: datetime) -> None:
        """Take the outcomes of the last changes in, and be one generation higher: all of it or nothing."""

    def rebuild(self, begun: Mapping[Key, Mapping[str, Any]], generation: int) -> None:
        """Begin anew as this generation, with nothing but creates that are not finished, all of them uncertain."""


class RunStore(Protocol):
    """Where each object stands."""

    def standing(self, object_: str) -> Standing:
        """Say where an object stands; of one that is not known that it was never settled."""

    def begin(self, object_: str, run_id: str, at: datetime) -> None:
        """Note that a run has begun: it is the object's open run until `settled`. Once more changes nothing."""

    def settling(self, object_: str, generation: int) -> None:
        """Note that the ledger may be at this generation from now on."""

    def settled(self, object_: str, generation: int) -> None:
        """Note the generation, end the open run and drop its marks and receipts: all of it or nothing."""

    def ended(self, result: ObjectResult) -> None:
        """Keep how a run ended, also one that never began, without the secrets that its failure repeats."""

    def once_done(self, object_: str) -> None:
        """Note that everything of a `schedule: once` object was confirmed."""

    def move_cursor(self, object_: str, cursor: Any) -> None:
        """Note how far the source was read: a value that JSON knows."""

    def read_whole(self, object_: str, at: datetime) -> None:
        """Note when the source was last read whole."""


class MarkStore(Protocol):
    """What of the open run's changes was about to be sent, and what became of it."""

    def add(self, object_: str, about_to_send: Range) -> None:
        """Note that a range is about to be sent."""

    def of(self, object_: str) -> list[Range]:
        """List the ranges that were about to be sent."""

    def receipt(self, object_: str, ranges: Iterable[Range], outcome: Outcome) -> None:
        """Note what became of ranges; one that goes on where another of the same outcome ends makes it longer."""

    def receipts(self, object_: str, outcome: Outcome) -> list[Range]:
        """List the ranges with an outcome."""


class ClaimStore(Protocol):
    """Creates of unknown outcome."""

    def add(self, object_: str, claims: Iterable[Claim], run_id: str) -> None:
        """Claim creates; a claim that is there already is one more attempt: its end is not known again."""

    def end(self, object_: str, keys: Iterable[Key], at: datetime, reason: str) -> None:
        """Note that the attempts ended without an answer; the reason is kept without secrets."""

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget claims whose outcome is known; keys without one are no fault."""

    def of(self, object_: str) -> list[Claim]:
        """List an object's claims, the oldest first."""


class BindingStore(Protocol):
    """Values saved from the target's answers."""

    def add(self, object_: str, bindings: Iterable[tuple[Key, Mapping[str, Any]]]) -> None:
        """Keep saved values; known values of a record that are not saved anew stay."""

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget the bindings of records that the target no longer has."""

    def of(self, object_: str) -> Iterator[tuple[str, str]]:
        """Stream key text and saved JSON of an object's bindings."""

    def objects(self) -> list[str]:
        """List the objects that have bindings, in order; one that left the project goes on to have them."""

    def get(self, object_: str, key: Key) -> dict[str, Any] | None:
        """Give one record's saved values; None: it has no binding, an empty one is one."""


class ProgressStore(Protocol):
    """How far records have come in the steps of their operations."""

    def put(self, object_: str, key: Key, progress: Progress) -> None:
        """Note how far a record has come, in place of what was known."""

    def of(self, object_: str) -> dict[Key, Progress]:
        """Give how far an object's records have come."""

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget the progress of records that are done or start over."""


class RejectionStore(Protocol):
    """Refused records."""

    def add(
        self,
        object_: str,
        key: Key,
        refusal: Refusal,
        *,
        payload_hash: str | None,
        fingerprint: str,
        document: str | None = None,
    ) -> None:
        """Remember a refused record, without secrets; a repeated refusal counts, and keeps when the first one was.

        Another try that was asked for before the run began is done by it; one asked for since is still due.
        """

    def of(self, object_: str) -> list[Rejection]:
        """List an object's refused records, by key."""

    def is_due(self, rejection: Rejection, hours: float) -> bool:
        """Tell whether one is to be tried again: an operator says so, or its hours have passed; 0 hours: never."""

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget rejections that no longer stand."""

    def retry(self, object_: str, keys: Iterable[Key]) -> int:
        """Note that an operator asks for another try of these records; answers how many of them stand refused."""

    def count_of(self, object_: str) -> int:
        """Count an object's refused records."""

    def take_up_retries(self, object_: str) -> None:
        """Note that a run begins which tries again what an operator asked for."""


class PauseStore(Protocol):
    """Connections that nobody asks for a while."""

    def add(self, connection: str, reason: str, *, asked_seconds: float | None = None) -> None:
        """Pause a connection for as long as it asked, else for longer with each probe.

        One in force only gets longer, by what is asked for: what several objects are told at once is one probe.
        """

    def end(self, connection: str) -> None:
        """End a connection's pause, where there is one."""

    def all(self) -> dict[str, Pause]:
        """Give every paused connection."""


class RequestStore(Protocol):
    """The history of attempts."""

    def add(self, object_: str, run_id: str, exchange: Exchange) -> None:
        """Keep one attempt, without secrets."""


class EndStore(Protocol):
    """The platform or database that an object's notes speak of."""

    def of(self, object_: str) -> dict[str, Identity]:
        """Give the ends by their role; none: not known."""

    def put(self, object_: str, ends: Mapping[str, Identity]) -> None:
        """Note the ends, in place of those that were known."""

    def matter(self, object_: str) -> bool:
        """Tell whether a note would be wrong at another target: a binding, a create, a refusal, a place in a feed."""


class RemovalStore(Protocol):
    """Requests by which a target has taken a record away once."""

    def add(self, object_: str, request: str) -> None:
        """Note that a request of an object was accepted; known ones are no fault."""

    def has(self, object_: str, request: str) -> bool:
        """Tell whether such a request was accepted once."""


class RunJournal(Protocol):
    """The notes that survive a kill and that other processes may read meanwhile.

    A write is durable when its method returns, or with the transaction around it: after a kill all of a transaction
    is there, or nothing. Writers in two processes wait for each other; readers see whole transactions.
    Raises StateError when notes cannot be read or written.
    """

    @property
    def identity(self) -> str:
        """A text made with the journal, by which ledgers know theirs: the same whenever it is opened."""

    def now(self) -> datetime:
        """Tell the time by the journal's clock."""

    def transaction(self) -> AbstractContextManager[None]:
        """Make all writes inside durable together, or none; one inside another belongs to it."""

    @property
    def runs(self) -> RunStore:
        """Where each object stands."""

    @property
    def marks(self) -> MarkStore:
        """Marks and receipts."""

    @property
    def claims(self) -> ClaimStore:
        """Creates of unknown outcome."""

    @property
    def bindings(self) -> BindingStore:
        """Saved values."""

    @property
    def progress(self) -> ProgressStore:
        """Records between their steps."""

    @property
    def rejections(self) -> RejectionStore:
        """Refused records."""

    @property
    def pauses(self) -> PauseStore:
        """Paused connections."""

    @property
    def requests(self) -> RequestStore:
        """Attempts."""

    @property
    def ends(self) -> EndStore:
        """What the notes speak of."""

    @property
    def removals(self) -> RemovalStore:
        """Accepted removals."""
