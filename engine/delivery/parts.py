"""What is sent of an operation: its changes cut into parts, each with what earlier runs left of its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.connections.http import Terms
from engine.delivery.chunk import chunk
from engine.delivery.part import Part
from engine.delivery.targets import Target
from engine.mapping.program import Program
from engine.state import FirstLoad, RunJournal, Staging, changes, keys_in
from engine.state.journal import Progress
from engine.values import Change


def parts_of(
    program: Program,
    staging: Staging,
    journal: RunJournal,
    target: Target,
    operation: int,
    *,
    after: int = 0,
    load: FirstLoad | None = None,
) -> Iterator[tuple[Part, float]]:
    """Give the parts of an operation's requests, in order, each with the seconds before it may go.

    `after`: the number of the last change that was delivered already; `load`: how far the object's first load is, where
    its creates may ask first.
    """
    state = _State(program=program, staging=staging, journal=journal, operation=operation, after=after)
    size, terms = target.size(operation), target.terms(operation)
    parts = _begun(state, terms, _cut(state, size))
    if size == 1:
        parts = _maybe_gone(state, parts, terms)
    if load and (first := _to_ask_first(state, load)):
        parts = (part.asked_first() if part.range.first in first and part.is_new else part for part in parts)
    return _asked(state, parts, settle_seconds=terms.look_up_after_seconds or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What is known of an operation's records."""

    program: Program
    staging: Staging
    journal: RunJournal
    operation: int
    after: int  # the number of the last change that was delivered already


def _cut(state: _State, size: int) -> Iterator[Part]:
    for number, group in enumerate(changes.groups(state.staging, state.operation, after=state.after)):
        for each in chunk([group], size):
            yield Part(range=each, group=number, family=each.first)


def _begun(state: _State, terms: Terms, parts: Iterable[Part]) -> Iterator[Part]:
    """Let records go on that an earlier run left between their steps."""
    progress = state.journal.progress.of(state.program.object) if terms.creates or terms.steps > 1 else {}
    begun = changes.numbers_of(state.staging, state.operation, progress.keys())
    for part in parts:
        if part.range.size == 1 and part.range.first in begun:
            key, payload_hash = begun[part.range.first]
            yield _continued(part, progress[key], payload_hash, terms, state.program.mapping_fingerprint)
        else:
            yield part


def _continued(part: Part, progress: Progress, payload_hash: str, terms: Terms, fingerprint: str) -> Part:
    """Go on where that is safe: what was done stands for one payload, and for the steps of one mapping.

    With another one all is done anew, creates aside: what they made is another payload, which is changed afterwards.
    """
    same_mapping, same_payload = progress.fingerprint == fingerprint, progress.payload_hash == payload_hash
    stands = same_mapping and same_payload
    step = progress.step if same_mapping else terms.steps
    step = step if stands else terms.restart(step)
    made_as = progress.payload_hash if step and not same_payload else None
    return part.begun_before(step=step, saved=progress.saved, stands=stands, made_as=made_as)


def _maybe_gone(state: _State, parts: Iterable[Part], terms: Terms) -> Iterator[Part]:
    """Point out records that a lost removal may have taken away: back again, or to be removed once more.

    Those that are back matter where another operation could create them again; of a removal of several steps nobody
    knows which one was lost.
    """
    creates_again = state.program.takes.get(Change.ADDED) not in {None, state.operation}
    gone = changes.maybe_gone(state.staging, state.operation, Change.CHANGED) if creates_again else set()
    if terms.deletes == (True,):
        gone |= changes.maybe_gone(state.staging, state.operation, Change.REMOVED)
    for part in parts:
        yield part.removed_before() if part.range.first in gone else part


def _to_ask_first(state: _State, load: FirstLoad) -> set[int]:
    """Pick the creates that ask first whether the target has the record already."""
    spec = state.program.operations[state.operation].spec
    if not spec.creates or spec.lookup is None or spec.lookup.before_create == "never":
        return set()
    created = changes.unheard_of(state.staging, state.operation)
    if load.is_open or spec.lookup.before_create == "always":
        absent = keys_in(load.absent)
        return {seq for seq, key in created.items() if key not in absent}
    doubted = keys_in(load.doubted)
    return {seq for seq, key in created.items() if key in doubted}


def _asked(state: _State, parts: Iterable[Part], *, settle_seconds: float) -> Iterator[tuple[Part, float]]:
    """Look a create of unknown outcome up first, once its attempt cannot be under way any more."""
    claimed = changes.claimed(state.staging, state.operation)
    claims = {claim.key: claim for claim in state.journal.claims.of(state.program.object)} if claimed else {}
    claimed = {seq: key for seq, key in claimed.items() if key in claims}  # those that this run has found are known
    gone = changes.removed_among(state.staging, claimed)
    now = state.journal.now()
    for part in parts:
        seq = part.range.first
        if seq not in claimed:
            yield part, 0.0
            continue
        claim = claims[claimed[seq]]
        wait = settle_seconds if claim.ended_at is None else settle_seconds - (now - claim.ended_at).total_seconds()
        asking = part.claimed_before(payload=claim.payload_hash, gone=seq in gone)
        yield asking, min(settle_seconds, max(0.0, wait))
