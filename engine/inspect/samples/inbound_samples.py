"""Samples of an inbound object: items fetched and documents written as a run does, with the samples as the source."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.connections import Retry
from engine.inspect.samples.document import (
    Exercised,
    Rendering,
    Story,
    Unanswered,
    answered,
    begun,
    refusal_story,
    request_story,
)
from engine.mapping import Sample, Write
from engine.mapping.program import Program, Writes
from engine.source import Feed, FeedEnd, Page, again
from engine.state import value_of
from engine.values import (
    DOCUMENT,
    Answered,
    Change,
    OneSyncError,
    Outgoing,
    Refusal,
    Stage,
    canonical,
    json_text,
    kind_of,
    restorer,
)

ONCE = Retry(attempts=1)
FIRST = ("name", "change", "key")  # as a story begins; the key is known last


def written(program: Program, feed: Feed, writes: Writes) -> Rendering:
    """Render the samples of an inbound object."""
    exercised: Exercised = set()
    document: Story = {"object": program.object, "reads": _first_request(feed)}
    stories = [_told(program, feed, writes, sample, exercised) for sample in program.mapping.samples]
    document["samples"] = [{name: story[name] for name in FIRST if name in story} | story for story in stories]
    return Rendering(document=document, exercised=exercised)


def _first_request(feed: Feed) -> Story:
    """Tell the request that a first read begins with."""
    request = feed.opening()
    return {"refused": refusal_story(request)} if isinstance(request, Refusal) else request_story(request)


def _told(program: Program, feed: Feed, writes: Writes, sample: Sample, exercised: Exercised) -> Story:
    story = begun(sample, None)
    try:
        page = _page(feed, sample, story)
    except Unanswered:
        return story
    except OneSyncError as error:
        return {**story, "failed": error.message}
    if not (page.documents or page.gone or page.refused):
        exercised.add(("source", "fetch", "skipped"))
        return {**story, "skipped": True}
    for refused in page.refused:
        story["refused"] = refusal_story(refused.refusal)
    for document in page.documents:
        story |= _written(writes, feed.key, document, exercised)
    for gone in page.gone:
        exercised.add(("source", "feed", "removed"))
        story |= _removed(writes, feed.key, gone, exercised)
    return story


def _page(feed: Feed, sample: Sample, story: Story) -> Page:
    """Take a sample through the feed: its item is fetched, or it is a removal, or skipped."""
    if sample.change is Change.REMOVED and feed.removed is None:
        return Page(documents=(), gone=(sample.document or sample.row,))
    if not sample.row:
        return Page(documents=(sample.document or {},))
    answers = deque(answered(each) for each in sample.answers)
    if sample.document is not None:
        answers.append(Answered(status=200, body=json_text.encode(sample.document)))

    def exchange(request: Outgoing) -> Answered:
        story["fetch"] = request_story(request)
        if not answers:
            raise Unanswered
        if answers[0].status != 200:
            story["fetch"]["answered"] = answers[0].status
        return answers.popleft()

    stop = threading.Event()
    end = FeedEnd(
        exchange=lambda request, _: exchange(request),
        asked=lambda request: request.asked,
        retry=ONCE,
        workers=1,
        stop=stop,
    )
    return again(feed, end, [dict(sample.row)], [])


def _written(writes: Writes, names: Sequence[str], document: Mapping[str, Any], exercised: Exercised) -> Story:
    key = [canonical(document.get(name)) for name in names]
    if None in key:
        listed = ", ".join(names)
        reason = f"a part of the key ({listed}) is null; give every row its key, or leave the row out of the query"
        return {"key": key, "refused": refusal_story(Refusal(stage=Stage.KEY, reason=reason, field=listed))}
    [line] = writes.lines.render([(json_text.encode(document).decode(),)], (DOCUMENT,))
    return {"key": key, **_writes(line, writes.spec, ("write",), exercised)}


def _removed(writes: Writes, names: Sequence[str], gone: Mapping[str, Any], exercised: Exercised) -> Story:
    """Tell what a removal writes; it sees the key's columns, as staging gives them back."""
    key = {name: canonical(gone.get(name)) for name in names}
    if writes.removed_lines is None or writes.spec.removed is None:
        return {"key": list(key.values()), "unhandled": True}
    row = {name: value_of(text, restorer(kind_of(gone.get(name)))) for name, text in key.items()}
    line = writes.removed_lines.line({**row, DOCUMENT: json_text.encode(gone).decode()})
    return {"key": list(key.values()), **_writes(line, writes.spec.removed, ("write", "removed"), exercised)}


def _writes(line: bytes | Refusal, write: Write, path: tuple[str, ...], exercised: Exercised) -> Story:
    if isinstance(line, Refusal):
        return {"refused": refusal_story(line)}
    parts = list(json_text.decode(line))
    for number, part in enumerate(parts):
        if "statement" in part:
            exercised.add((*path, "statements", part["statement"]))
        elif part["rows"]:
            exercised.add((*path, "tables", number))
    return {"writes": list(_parts(parts, write))}


def _parts(parts: list[Any], write: Write) -> Iterator[Story]:
    for part in parts:
        if "statement" in part:
            yield {"sql": write.statements[part["statement"]].sql, "params": part["params"]}
            continue
        orphans = {"delete_orphans_of": part["scope"]} if part["delete_orphans"] else {}
        yield {"table": part["table"], "rows": part["rows"], **orphans}
