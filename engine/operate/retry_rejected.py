"""`rejected retry`: lets the next run try refused records again."""

from __future__ import annotations

from collections.abc import Sequence

from engine.mapping import spellings
from engine.operate.hold import opened_journal
from engine.run import App
from engine.values import RunError


def retry_rejected(app: App, object_: str, words: Sequence[str] | None) -> int:
    """Let the next run try a refused record again, or with None all of the object; answers how many.

    Raises RunError when no such record is refused.
    """
    with opened_journal(app) as journal:
        if words is None:
            return journal.rejections.retry(object_)
        if any(journal.rejections.retry(object_, [key]) for key in spellings(words)):  # the first that there is
            return 1
    name = " ".join((object_, *words))
    raise RunError(f"{name} is not rejected; see `one-sync rejected list {object_}`", code="E_NOT_REJECTED")
