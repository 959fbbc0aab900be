"""Whether a query has to be read whole, whatever its cursor says."""

from __future__ import annotations

from engine.mapping.program import Program
from engine.state.ledger import READ_BY
from engine.state.protocols import RunJournal
from engine.state.staging import Staging


def reads_whole(program: Program, staging: Staging, journal: RunJournal) -> bool:
    """Tell whether a query has to be read whole, because something to be sent may stand before its cursor."""
    if staging.meta(READ_BY) != program.read_fingerprint:  # an edited mapping, a new file, or a read that is not over
        return True
    hours = program.mapping.retry_rejected_after_hours
    due = (each for each in journal.rejections.of(program.object) if journal.rejections.is_due(each, hours))
    return any(each.retry or each.payload_hash for each in due)
