"""Lets ledger and journal belong together again after one of them was lost or restored."""

from __future__ import annotations

from engine.mapping.program import Program
from engine.operate.needed_values import unadoptable
from engine.state import Ledger, Staging, apart, find_unbound, settle_unknown, take_confirmed, unbound
from engine.state.journal import Claim, Journal
from engine.values import Change


def pair_anew(program: Program, staging: Staging, journal: Journal) -> int:
    """Let ledger and journal belong together again; what the journal has lost is noted in it first.

    Answers how many records are to be asked for, or resolved by a person.
    """
    ledger = Ledger(staging)
    is_apart = apart(ledger, journal, program.object)
    if is_apart:
        settle_unknown(ledger, journal.now())
    lost = _note_creates(program, staging, journal)
    if is_apart:
        journal.runs.settled(program.object, ledger.generation)
        ledger.pair(journal.identity)
    return lost


def _note_creates(program: Program, staging: Staging, journal: Journal) -> int:
    """Keep records whose binding is lost from being created again.

    A record that was confirmed and saves nothing that is needed gets an empty binding. Every other one gets a claim: it
    may exist, or not, and is looked up, or resolved by a person. That goes also for creates that were never confirmed:
    their claims are lost with the journal.
    """
    operation = program.takes.get(Change.ADDED)
    if operation is None or not program.operations or not program.operations[operation].spec.creates:
        return 0
    find_unbound(staging, journal, program.object)
    if not program.operations[operation].lookup and not unadoptable(program):
        for keys in take_confirmed(staging):
            journal.bindings.add(program.object, [(key, {}) for key in keys])
    _claim_unbound(program.object, operation, staging, journal)
    return Ledger(staging).doubt_unbound()


def _claim_unbound(object_: str, operation: int, staging: Staging, journal: Journal) -> None:
    now, reason = journal.now(), "its binding is lost"
    with journal.transaction():
        for rows in unbound(staging):
            claims = [
                Claim(
                    key=key,
                    operation=operation,
                    payload_hash="",
                    row=row,
                    claimed_at=now,
                    ended_at=None,  # a claim begins as one that is under way
                    reason=None,
                )
                for key, row in rows
            ]
            journal.claims.add(object_, claims, "adopt")
            journal.claims.end(object_, [key for key, _ in rows], now, reason)
