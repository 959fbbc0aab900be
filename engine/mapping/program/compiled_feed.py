"""A feed or a paged list, its templates compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.connections import ReadStatus
from engine.mapping.program.request import CompiledRequest, compile_request, outgoing
from engine.mapping.spec import HttpSource
from engine.templates import Language, Value
from engine.values import ConfigError, Outgoing, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A compiled feed, or a paged list (`pages`), with what its items become."""

    request: CompiledRequest
    items: Value
    next: Value | None  # None: a list without links
    start: Any
    page_size: int | None  # None: an event feed
    removed: Value | None
    removed_key: Value
    fetch: CompiledRequest | None
    when: Value | None
    key: tuple[str, ...]
    on_status: Mapping[int, ReadStatus] = field(default_factory=dict)  # of a page's request
    fetch_on_status: Mapping[int, ReadStatus] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether it is a paged list, and no event feed."""
        return self.page_size is not None

    def opening(self, cursor: Any = None) -> Outgoing | Refusal:
        """Make the request that a read begins with, from `cursor` on (None: from the start)."""
        position = {"cursor": self.start if cursor is None else cursor, "page": 1, "offset": 0, "link": None}
        position["size"] = self.page_size
        return outgoing(self.request, {**self.shared, **position})


def compile_feed(source: HttpSource, language: Language) -> Feed:
    """Compile a feed. Raises TemplateFaults, which `validate` has found before."""
    feed, listed, fetch = source.feed, source.pages, source.fetch
    read = feed or listed
    if read is None:
        raise ConfigError("a source over HTTP has `feed` or `pages`", code="E_SOURCE_KIND")
    removed = feed.removed if feed else None
    return Feed(
        request=compile_request(read.request, language),
        items=language.lenient(read.items),
        next=language.lenient(read.next) if read.next is not None else None,
        start=feed.start if feed else None,
        page_size=listed.size if listed else None,
        removed=language.lenient(removed) if removed is not None else None,
        removed_key=language.lenient(dict(feed.key) if feed else {}),
        fetch=compile_request(fetch.request, language, chooses=True) if fetch else None,
        when=language.lenient(fetch.when) if fetch and fetch.when is not None else None,
        key=source.key,
        on_status=read.on_status,
        fetch_on_status=fetch.on_status if fetch else {},
        shared=language.names,
    )
