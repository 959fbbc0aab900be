"""What stands refused: kept in the journal with its reason, and forgotten when it stands no longer."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from engine.delivery import as_document, reject
from engine.difference import FoundChanges
from engine.mapping.program import Program
from engine.state import RunJournal, Staging
from engine.state.journal import Rejection
from engine.values import Key, Read, Refused, key_text


def keep(
    journal: RunJournal,
    staging: Staging,
    program: Program,
    found: FoundChanges,
    *,
    read: Read,
    rejected: Set[Key],
    delivered: bool,
) -> None:
    """Remember what a read's records were refused for before sending, and forget rejections that no longer stand.

    `rejected` are the keys that the target refused in this run. Unless all was `delivered` nothing is forgotten: a
    kept document may be all that is left of its record.
    """
    known = {each.key: each for each in journal.rejections.of(program.object)}
    standing = {
        *found.remembered,
        *rejected,
        *(each.key for each in found.refused),
        *(each.key for each in read.refused),
    }
    with journal.transaction():
        for each in found.refused:
            if not _is_known(each, known, program):
                document = staging.staged_document(key_text(each.key)) if program.keeps_documents else None
                reject(journal, program, each.key, each.refusal, kept=as_document(document))
        for item in read.refused:
            reject(journal, program, item.key, item.refusal, kept=item.kept)
        if delivered:
            journal.rejections.drop(program.object, _obsolete(known, standing, read, staging))


def _is_known(refused: Refused, known: Mapping[Key, Rejection], program: Program) -> bool:
    """Tell whether the same refusal stands already: it then costs no write in each run.

    A record that is kept with its document is written again: the document is a newer one.
    """
    before = known.get(refused.key)
    if before is None or before.retry or program.keeps_documents:
        return False
    return before.refusal == refused.refusal and before.fingerprint == program.mapping_fingerprint


def _obsolete(known: Mapping[Key, Any], standing: Set[Key], read: Read, staging: Staging) -> list[Key]:
    """Pick the rejections that a read has overtaken: all that do not stand, if it was whole, else those it shows."""
    candidates = [key for key in known if key not in standing]
    if read.full or not candidates:
        return candidates
    seen = staging.staged_keys()
    return [key for key in candidates if key in read.retried or key_text(key) in seen]
