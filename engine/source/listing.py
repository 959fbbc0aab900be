"""A paged list, read whole: what is not in it is gone, so it counts only where nothing can have been passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from engine.mapping.program import Feed
from engine.source.ask import FeedEnd
from engine.source.items import Page, read_items
from engine.source.source_page import Circle, Refused, answered, items_of, position_of
from engine.values import Key, RunError, canonical, json_text

PAST_THE_END = frozenset({400, 404, 416})  # how some answer to a page that is not there any more
MOST_EMPTY = 1_000  # pages without items one after another


@dataclass(slots=True)
class Listing:
    """What came of a list."""

    pages: list[Page] = field(default_factory=list)
    torn: str | None = None  # why records may have been passed over; None: it is whole
    _documents: dict[Key, bytes] = field(default_factory=dict)  # the hash of each record's document
    _largest: int = 0
    _last: int = 0
    _items: Sequence[Any] = ()  # of the last page

    def is_short(self) -> bool:
        """Tell whether the last page had fewer items than one before it, as the end of a list has."""
        return self._last < self._largest

    def add(self, feed: Feed, page: Page, items: Sequence[Any]) -> bool:
        """Add a page, each document once; answers whether it had any that is new."""
        fresh = [document for document in page.documents if self._is_new(feed, document)]
        before = len(self._documents)
        for document in fresh:
            self._documents.setdefault(_key(feed, document), _hash(document))
        self.pages.append(replace(page, documents=tuple(fresh)))
        is_other, self._items = items != self._items, items
        self._largest, self._last = max(self._largest, len(items)), len(items)
        return len(self._documents) > before or (is_other and not page.documents)

    def _is_new(self, feed: Feed, document: Mapping[str, Any]) -> bool:
        """Tell whether a document stands for the first time; a record that stands twice says that pages moved."""
        held = self._documents.get(_key(feed, document))
        if held is None:
            return True
        self.torn = f"{json_text.encode(list(_key(feed, document))).decode()} stands in it twice: it changed meanwhile"
        return held != _hash(document)


def listing(feed: Feed, end: FeedEnd) -> Listing:
    """Read a list to its end: to the page without items, or, where pages name the next one, to the one that does not.

    Raises SourceError and RunError as `pages`; RunError too where pages repeat themselves.
    """
    found = Listing()
    for page, items in _walked(feed, end, found):
        if not found.add(feed, page, items) and feed.next is None:
            _end_at_a_repeated_page(found)
            break
    return found


def _walked(feed: Feed, end: FeedEnd, found: Listing) -> Iterator[tuple[Page, Sequence[Any]]]:
    number, link, came, empty = 1, None, 0, 0
    circle = Circle()
    while True:
        position = {"page": number, "offset": came, "link": link, "size": feed.page_size}
        body = answered(feed, end, position)
        if isinstance(body, Refused):
            _end_at_a_refusal(feed, found, body, number)
            return
        context = {**feed.shared, **position, "body": body}
        following = position_of(feed, context)
        items = items_of(feed, context, may_be_null=bool(following))
        if items:
            yield read_items(feed, end, items, None), items
        if _is_over(feed, items, following, link):
            return
        empty = 0 if items else empty + 1
        if empty == MOST_EMPTY:
            raise RunError(f"the list gives {empty} pages without items in a row: correct `next`", code="E_FEED")
        if feed.next is not None:
            circle.step(following)
        number, link, came = number + 1, following, came + len(items)


def _is_over(feed: Feed, items: list[Any], following: Any, link: Any) -> bool:
    if feed.next is None:
        return not items
    return not following or following == link


def _end_at_a_refusal(feed: Feed, found: Listing, refused: Refused, number: int) -> None:
    """Take a page that is not there for the end, which is certain behind a page that is not full."""
    if feed.next is not None or number == 1 or refused.status not in PAST_THE_END:
        raise RunError(f"{refused.asked}: the source refuses the feed's request: {refused.reason}", code="E_FEED")
    if not found.is_short():
        found.torn = f"page {number} was answered with {refused.status} behind pages that were all full"


def _end_at_a_repeated_page(found: Listing) -> None:
    """Take a page without anything new for the end, which is certain where it is short; the first one leads nowhere."""
    repeated = len(found.pages)
    if repeated <= 2:
        message = "the list gives the same items on page 2 as on page 1: its request does not turn pages"
        remedy = "put {{ page }} or {{ offset }} into it as the source wants it, or name the next page by `next`"
        raise RunError(f"{message}; {remedy}; nothing of it was taken", code="E_FEED")
    if found.is_short():
        found.torn = None
    else:
        found.torn = f"page {repeated} repeats what came before, behind pages that were all full; say the end by `next`"


def _key(feed: Feed, document: Mapping[str, Any]) -> Key:
    return tuple(canonical(document.get(name)) for name in feed.key)


def _hash(document: Mapping[str, Any]) -> bytes:
    return sha256(json_text.encode(document)).digest()
