"""What a run makes sure of before it believes its state: that both files and the ends belong together (ledger.md 5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from engine.connections import Identity, differing
from engine.state.journal.runs import Standing
from engine.state.ledger import Outcomes
from engine.state.protocols import RunJournal, RunLedger
from engine.values import Key, Range, StateError

Ends: TypeAlias = Mapping[str, Mapping[str, Identity]]  # by object and role: target, source

SAME_OR_OTHER = (
    "Nothing was sent. If it is the same one under another address, run `one-sync adopt --same-target`; if it is "
    "another one, set another folder as `state` in project.yaml, so that all is sent there; else correct the address"
)


# --- the two files together ----------------------------------------------------------------------------------


def check_pair(ledger: RunLedger, journal: RunJournal, object_: str) -> str | None:
    """Check that the DuckDB file and the journal belong together (ledger.md 5).

    Answers a warning where the DuckDB file was lost and is being rebuilt, else None.
    Raises StateError where the journal is missing or behind: sending could create twice.
    """
    if ledger.journal is None:
        ledger.pair(journal.identity)
    if what := apart(ledger, journal, object_):
        raise StateError(_behind(object_, ledger, what), code="E_JOURNAL_BEHIND")
    if _is_behind(ledger, journal, object_):
        ledger.rebuild(_begun(journal, object_), journal.runs.standing(object_).generation)
        return (
            f"{object_}: the DuckDB file was lost or is older than the journal and is rebuilt; records are sent again "
            "where that can be repeated, and removals that were due are lost"
        )
    return None


def apart(ledger: RunLedger, journal: RunJournal, object_: str) -> str | None:
    """Say why a journal does not know all that the DuckDB file knows, or None.

    It says before each settle which generation the file will be at, after all else of that run, and before each
    request which run stands in the file: so a journal kept or copied in the middle of a run is found out by both.
    """
    standing = journal.runs.standing(object_)
    if ledger.journal not in (None, journal.identity):
        return "belongs to another journal"
    here = ledger.generation
    if here > standing.settling:
        return "is newer than the journal"
    known = here == standing.generation and standing.open_run == ledger.run_id
    if here < standing.generation or known or not ledger.unsettled:
        return None
    return "holds a run that the journal does not know"


def _behind(object_: str, ledger: RunLedger, what: str) -> str:
    return (
        f"{object_}: {ledger.place} {what}, so creates could be sent twice; nothing was sent. "
        "Restore journal.sqlite from the same backup, "
        f"or run `one-sync adopt {object_}` to take the source as confirmed"
    )


def _is_behind(ledger: RunLedger, journal: RunJournal, object_: str) -> bool:
    """Tell whether a DuckDB file is new, or older than the journal: what it holds is not to be believed.

    Marks speak of the changes of the run that set them, so a file with those of another run is older than they are.
    """
    standing = journal.runs.standing(object_)
    if ledger.generation != standing.generation:
        return ledger.generation < standing.generation
    return bool(standing.open_run != ledger.run_id and journal.marks.of(object_))


def _begun(journal: RunJournal, object_: str) -> dict[Key, Mapping[str, Any]]:
    """Give the creates that are not finished, with their rows as far as they are known."""
    begun: dict[Key, Mapping[str, Any]] = {key: {} for key in journal.progress.of(object_)}
    return begun | {claim.key: claim.row for claim in journal.claims.of(object_)}


# --- a run that stands in both -------------------------------------------------------------------------------


def settle_run(ledger: RunLedger, journal: RunJournal, object_: str, at: datetime) -> None:
    """Settle the run that stands in both files, and drop its marks and receipts."""
    journal.runs.settling(object_, ledger.generation + 1)
    ledger.settle(_outcomes(journal, object_), at)
    journal.runs.settled(object_, ledger.generation)


def recover(ledger: RunLedger, journal: RunJournal, object_: str, at: datetime) -> None:
    """Settle the receipts of a run that did not end; does nothing where the last run ended."""
    standing = journal.runs.standing(object_)
    if _is_cut_short(ledger, standing):
        settle_run(ledger, journal, object_, at)
    elif standing.open_run:  # it died between the two files
        journal.runs.settled(object_, ledger.generation)


def recover_copy(ledger: RunLedger, journal: RunJournal, object_: str, at: datetime) -> None:
    """Do the same to a copy of the DuckDB file; the journal stays as it is."""
    if _is_cut_short(ledger, journal.runs.standing(object_)):
        ledger.settle(_outcomes(journal, object_), at)


def _is_cut_short(ledger: RunLedger, standing: Standing) -> bool:
    """Tell whether a run ended before the DuckDB file took in what it did."""
    return bool(standing.open_run) and ledger.generation == standing.generation


def _outcomes(journal: RunJournal, object_: str) -> Outcomes:
    """Read from the journal what became of the last run's changes."""
    return Outcomes(
        marked=journal.marks.of(object_),
        confirmed=journal.marks.receipts(object_, "confirmed"),
        clean=journal.marks.receipts(object_, "clean"),
        gone=journal.marks.receipts(object_, "gone"),
    )


def settle_unknown(ledger: RunLedger, at: datetime) -> None:
    """Settle changes of whose delivery nothing is known any more: all of them may have been sent."""
    last = ledger.unsettled
    ledger.settle(Outcomes(marked=[Range(1, last)] if last else ()), at)


# --- the ends that they speak of -----------------------------------------------------------------------------


def check_ends(ledger: RunLedger, journal: RunJournal, object_: str, ends: Ends) -> None:
    """Check that what is known of an object, and of those it refers to, speaks of the ends that they have now.

    At another platform the ledger would say "confirmed" of what is not there, and bindings would name other records.
    Raises StateError; an object of which nothing is known yet may change its ends.
    """
    for name, now in ends.items():
        knows = journal.ends.matter(name) or (name == object_ and not ledger.is_empty)
        if knows and (sentence := ends_changed(journal, name, now)):
            raise StateError(f"{sentence}. {SAME_OR_OTHER}", code="E_TARGET_CHANGED")


def ends_changed(journal: RunJournal, object_: str, now: Mapping[str, Identity]) -> str | None:
    """Say which end of an object is another one than its notes speak of; None: all are the same, or none was noted."""
    if not (found := differing(journal.ends.of(object_), now)):
        return None
    role, before, after = found
    place = after.place if after.place != before.place else f"another tenant or database of {after.place}"
    what = "what is confirmed was confirmed by" if role == "target" else "what was read was read from"
    return f"{object_}: {what} {before.place}, but its {role} is now {place}"
