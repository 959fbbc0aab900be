"""How far a feed and a list are read, and when a list is whole."""

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
from engine.source.feed import MOST_EMPTY, pages
from engine.source.listing import listing
from engine.templates.project_language import Language
from engine.values.errors import RunError, TargetError
from engine.values.exchanges import Answered, Outgoing

LANGUAGE = Language(timezone=UTC)
EVENTS = Feed(
    request=Request(method="GET", path="/events", query={"from": "{{ cursor }}"}),
    items="{{ body['items'] }}",
    next="{{ body.next }}",
    start=1,
)


def feed(**kind: Any) -> CompiledFeed:
    return compile_feed(HttpSource(connection="one", key=("id",), **kind), LANGUAGE)


class Api:
    """A source that answers by the one parameter of a request, and keeps what it was asked for."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, list[str]()

    def end(self) -> FeedEnd:
        retry = Retry(attempts=1)
        return FeedEnd(
            exchange=lambda request, _: self._answer(request),
            asked=lambda _: "GET /",
            retry=retry,
            workers=1,
            stop=threading.Event(),
        )

    def _answer(self, request: Outgoing) -> Answered:
        self.asked.append(request.query[0][1])
        if isinstance(self.answers[self.asked[-1]], int):
            return Answered(status=self.answers[self.asked[-1]])
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
        ({"7": page(following=7)}, 7, [], ["7"]),
        ({"7": page(following=None)}, 7, [], ["7"]),
        ({"7": page(following=9), "9": page(following=9)}, 7, [([], 9)], ["7", "9"]),
        (
            {
                "1": page("a", following=11),
                "11": page(following=21),
                "21": page("b", following=27),
                "27": page(following=27),
            },
            None,
            [(["a"], 11), (["b"], 27)],
            ["1", "11", "21", "27"],
        ),
        (
            {"1": page("a", "b", following=3), "3": page("c", following=4), "4": page(following=4)},
            None,
            [(["a", "b"], 3), (["c"], 4)],
            ["1", "3", "4"],
        ),
    ],
    ids=["an empty page", "the cursor stands", "nothing new", "no next", "moves without items", "holes", "pages"],
)
def test_a_feed_is_read_until_next_is_null_or_stands_still(
    answers: dict[str, Any], cursor: Any, documents: list[Any], asked: list[str]
) -> None:
    api = Api(answers)

    assert (found(pages(feed(feed=EVENTS), api.end(), cursor)), api.asked) == (documents, asked)


def test_a_feed_that_leads_in_a_circle_is_left() -> None:
    api = Api({"1": page("a", following=2), "2": page("b", following=1)})

    with pytest.raises(RunError, match="circle"):
        list(pages(feed(feed=EVENTS), api.end(), None))

    assert len(api.asked) < 100


def test_a_feed_that_moves_with_the_clock_goes_on_in_the_next_read() -> None:
    api = Api({str(number): page(following=number + 1) for number in range(1, MOST_EMPTY + 2)})

    assert found(pages(feed(feed=EVENTS), api.end(), None)) == [([], MOST_EMPTY + 1)]


# --- lists ----------------------------------------------------------------------------------------------------------


def items(*ids: str) -> list[dict[str, str]]:
    return [{"id": id_} for id_ in ids]


def read_list(answers: dict[str, Any], *, turns: str = "page", following: str | None = None) -> tuple[Any, Any, Any]:
    """Read a list: its ids, whether it is torn, and what was asked."""
    request = Request(
        method="GET", path="/list", query={turns: f"{{{{ {turns} }}}}" if turns != "link" else "{{ link or 1 }}"}
    )
    listed = Pages(request=request, items="{{ body['items'] if body is mapping else body }}", size=2, next=following)
    api = Api(answers)
    read = listing(feed(pages=listed), api.end())
    return [document["id"] for each in read.pages for document in each.documents], read.torn, api.asked


def test_a_list_is_read_until_a_page_has_no_items() -> None:
    answers = {"1": items("a", "b"), "2": items("c"), "3": []}

    assert read_list(answers) == (["a", "b", "c"], None, ["1", "2", "3"])


def test_the_offset_grows_by_what_came() -> None:
    answers = {"0": items("a", "b", "c"), "3": items("d"), "4": items("e"), "5": []}

    assert read_list(answers, turns="offset") == (["a", "b", "c", "d", "e"], None, ["0", "3", "4", "5"])


@pytest.mark.parametrize("end", [None, "", 3])
def test_a_list_of_links_ends_where_none_leads_on_and_not_at_an_empty_page(end: Any) -> None:
    answers = {"1": page("a", following=2), "2": page(following=3), "3": page("b", following=end)}

    assert read_list(answers, turns="link", following="{{ body.next }}") == (["a", "b"], None, ["1", "2", "3"])


def test_a_list_that_turns_no_pages_is_told() -> None:
    with pytest.raises(RunError, match="does not turn pages"):
        read_list({str(number): items("a", "b") for number in range(1, 9)})


def test_a_last_page_that_is_repeated_is_the_end_and_certain_where_it_is_short() -> None:
    short = {"1": items("a", "b"), **{str(number): items("c") for number in range(2, 9)}}
    full = {"1": items("a", "b"), **{str(number): items("c", "d") for number in range(2, 9)}}

    assert read_list(short) == (["a", "b", "c"], None, ["1", "2", "3"])
    ids, torn, asked = read_list(full)
    assert (ids, asked) == (["a", "b", "c", "d"], ["1", "2", "3"])
    assert "repeats what came before" in torn


@pytest.mark.parametrize("status", [400, 404, 416])
def test_a_page_that_is_not_there_is_the_end_and_certain_behind_a_short_one(status: int) -> None:
    assert read_list({"1": items("a", "b"), "2": items("c"), "3": status}) == (["a", "b", "c"], None, ["1", "2", "3"])
    ids, torn, _ = read_list({"1": items("a", "b"), "2": items("c", "d"), "3": status})
    assert ids == ["a", "b", "c", "d"]
    assert str(status) in torn


@pytest.mark.parametrize(("answers"), [{"1": 404}, {"1": items("a"), "2": 403}, {"1": items("a"), "2": 422}])
def test_a_list_that_is_refused_fails(answers: dict[str, Any]) -> None:
    with pytest.raises((RunError, TargetError)):
        read_list(answers)


def test_a_list_in_which_an_item_stands_twice_is_torn_and_the_same_document_one_record() -> None:
    answers = {"1": items("a", "b"), "2": items("b", "c"), "3": []}
    ids, torn, _ = read_list(answers)
    assert ids == ["a", "b", "c"]
    assert '["b"] stands in it twice' in torn

    changed = {"1": items("a"), "2": [{"id": "a", "name": "later"}, {"id": "b"}], "3": []}
    assert read_list(changed)[0] == ["a", "a", "b"]  # refused for its key, as nobody knows which one is right
