"""The first step of an inbound object: reads an event feed page by page, and asks kept items once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.mapping.program import Feed
from engine.source.ask import FeedEnd
from engine.source.items import Page, last_words, read_items
from engine.source.source_page import Circle, asked, items_of, position_of
from engine.values import RefusedItem, SourceError, is_passing

__all__ = ["Feed", "FeedEnd", "Page", "RefusedItem", "is_passing"]

MOST_EMPTY = 1_000  # pages without items one after another, for one read: some feeds move with the clock, for ever


def pages(feed: Feed, end: FeedEnd, cursor: Any) -> Iterator[Page]:
    """Read page after page from `cursor` (None: from the start) until `next` is null or stands still.

    A page without items is none of the pages given; where such pages end the read, one without items gives the
    cursor, so that they are not read again. A read ends behind `MOST_EMPTY` of them too: the next one goes on.

    Raises SourceError when the source does not answer, RunError when it refuses the feed's own request, answers
    something else, or leads in a circle; the pages before stand.
    """
    cursor = feed.start if cursor is None else cursor
    circle, empty = Circle(), 0
    while True:
        body = asked(feed, end, {"cursor": cursor})
        context = {**feed.shared, "body": body, "cursor": cursor}
        following = position_of(feed, context)
        items = items_of(feed, context, may_be_null=body is None or following is not None)
        stands = following is None or following == cursor
        empty = 0 if items else empty + 1
        if items:
            yield read_items(feed, end, items, cursor if stands else following)
        elif (stands and empty > 1) or empty == MOST_EMPTY:
            yield Page(documents=(), cursor=cursor if stands else following)
        if stands or empty == MOST_EMPTY:
            return
        circle.step(following)
        cursor = following


def once_more(feed: Feed, end: FeedEnd, item: Any) -> Page | None:
    """Make a page of an item that had no answer in earlier runs, asked for once; None where nobody answers."""
    try:
        return read_items(feed, end.hasty, [item], None)
    except SourceError:
        return None


def again(feed: Feed, end: FeedEnd, items: Sequence[Any], documents: Sequence[Mapping[str, Any]]) -> Page:
    """Make a page of items to be fetched once more and of documents kept from before; its cursor is None."""
    page = read_items(feed, end, items, None)
    whole = tuple(last_words([*documents, *page.documents], feed.key, ()))
    return Page(documents=whole, gone=page.gone, refused=page.refused, requests=page.requests)
