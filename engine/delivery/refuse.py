"""Keeps a refused record in the journal, under the fingerprint of its mapping."""

from __future__ import annotations

from engine.mapping.program import Program
from engine.state import RunJournal
from engine.values import Key, Refusal


def reject(
    journal: RunJournal,
    program: Program,
    key: Key,
    refusal: Refusal,
    *,
    payload_hash: str | None = None,
    kept: str | None,
) -> None:
    """Remember a refused record under the mapping's fingerprint; `kept` is the JSON by which it can be tried again."""
    journal.rejections.add(
        program.object,
        key,
        refusal,
        payload_hash=payload_hash,
        fingerprint=program.mapping_fingerprint,
        document=kept,
    )


def as_document(document: str | None) -> str | None:
    """Wrap an inbound record's document, so that it is told from an item whose document could not be had."""
    return None if document is None else f'{{"document":{document}}}'
