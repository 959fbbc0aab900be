"""How far a feed is read: page after page, until one is empty or the cursor does not move."""

from __future__ import annotations

import json
import threading
from datetime import UTC
from typing import Any

import pytest

from engine.connections.settings import Retry
from engine.mapping.program.compiled_feed import Feed as CompiledFeed
from engine.mapping.program.compiled_feed import compile_feed
from engine.mapping.spec import Feed, HttpSource, Pages, Request
from engine.source.ask import FeedEnd
from engine.source.feed import listing, pages
from engine.templates.project_language import Language
from engine.values.errors import RunError
from engine.values.exchanges import Answered, Outgoing

LANGUAGE = Language(timezone=UTC)
EVENTS = Feed(
    request=Request(method="GET", path="/events", query={"from": "{{ cursor }}"}),
    items="{{ body['items'] }}",
    next="{{ body.next }}",
    start=1,
)
LIST = Pages(request=Request(method="GET", path="/list", query={"page": "{{ page }}"}), items="{{ body }}", size=2)


def feed(**kind: Any) -> CompiledFeed:
    return compile_feed(HttpSource(connection="one", key=("id",), **kind), LANGUAGE)


class Api:
    """A source that answers by the one parameter of a request, and keeps what it was asked for."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, list[str]()

    def end(self) -> FeedEnd:
        retry = Retry(attempts=1)
        return FeedEnd(exchange=self._answer, asked=lambda _: "GET /", retry=retry, workers=1, stop=threading.Event())

    def _answer(self, request: Outgoing) -> Answered:
        self.asked.append(request.query[0][1])
        return Answered(status=200, body=json.dumps(self.answers[self.asked[-1]]).encode())


def found(read: Any) -> list[tuple[list[str], Any]]:
    return [([document["id"] for document in page.documents], page.cursor) for page in read]


def page(*ids: str, following: Any) -> dict[str, Any]:
    return {"items": [{"id": id_} for id_ in ids], "next": following}


@pytest.mark.parametrize(
    ("answers", "cursor", "documents", "asked"),
    [
        ({"1": page("a", following=3), "3": page(following=3)}, None, [(["a"], 3)], ["1", "3"]),
        ({"7": page("a", following=7)}, 7, [(["a"], 7)], ["7"]),
        ({"7": page(following=9)}, 7, [], ["7"]),
        (
            {"1": page("a", "b", following=3), "3": page("c", following=4), "4": page(following=4)},
            None,
            [(["a", "b"], 3), (["c"], 4)],
            ["1", "3", "4"],
        ),
    ],
    ids=["an empty page", "the cursor does not move", "nothing new", "pages"],
)
def test_a_feed_is_read_until_a_page_is_empty_or_its_cursor_stands(
    answers: dict[str, Any], cursor: Any, documents: list[Any], asked: list[str]
) -> None:
    api = Api(answers)

    assert (found(pages(feed(feed=EVENTS), api.end(), cursor)), api.asked) == (documents, asked)


def test_a_feed_that_leads_in_a_circle_is_left() -> None:
    api = Api({"1": page("a", following=2), "2": page("b", following=1)})

    with pytest.raises(RunError, match="circle"):
        list(pages(feed(feed=EVENTS), api.end(), None))

    assert len(api.asked) < 100


def test_a_list_is_read_until_a_page_has_no_items() -> None:
    api = Api({"1": [{"id": "a"}, {"id": "b"}], "2": [{"id": "c"}], "3": []})

    assert (found(listing(feed(pages=LIST), api.end())), api.asked) == (
        [(["a", "b"], None), (["c"], None)],
        ["1", "2", "3"],
    )
