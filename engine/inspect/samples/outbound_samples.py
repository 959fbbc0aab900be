"""Samples of an outbound object: staged, chunked, built and delivered as a run does, to a target of their answers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from engine.connections import Retry
from engine.connections.http import Ask, Confirm, CreateAgain, Exists, Refuse, Terms
from engine.delivery import Delivery, Done, End, Exchanged, Part, Verdict, chunk
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
from engine.inspect.samples.staged_samples import Staged, refs_of, staged
from engine.mapping.program import CompiledOperation, ManyLines, Program, build_many, build_one, path_column, read
from engine.values import Answer, Answered, Change, Numbered, Outgoing, Range, Refusal, canonical, key_text

AT_ONCE = Retry(first_delay_seconds=0.0, max_delay_seconds=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One record on its way through one operation."""

    number: int  # of its sample
    change: Numbered
    group: str


@dataclass(slots=True, kw_only=True)
class _Sending:
    """What is told of the samples while they are sent."""

    program: Program
    records: Sequence[Staged]
    stories: Sequence[Story]
    answers: Sequence[deque[Mapping[str, Any]]]  # those left, a sample
    entries: dict[int, list[_Entry]] = field(default_factory=dict)  # by operation
    shared: list[Story] = field(default_factory=list)  # requests of many records
    exercised: Exercised = field(default_factory=set)


def sent(program: Program) -> Rendering:
    """Render the samples of an outbound object."""
    records = staged(program)
    sending = _Sending(
        program=program,
        records=records,
        stories=[begun(each.sample, each.key) for each in records],
        answers=[deque(each.sample.answers) for each in records],
    )
    for number in range(len(records)):
        _enter(sending, number)
    for operation in range(len(program.operations)):
        _send(sending, operation)
    document: Story = {"object": program.object, "samples": sending.stories}
    if sending.shared:
        document["requests"] = sending.shared
    return Rendering(document=document, exercised=sending.exercised)


def _enter(sending: _Sending, number: int) -> None:
    """Give a sample to the operation that takes its change, or say why none does."""
    record, story = sending.records[number], sending.stories[number]
    operation = sending.program.takes.get(record.sample.change)
    if record.refusal:
        story["refused"] = refusal_story(record.refusal)
    elif record.waiting:
        story["waiting"] = list(record.waiting)
    elif operation is None:
        story["unhandled"] = True
    else:
        _queue(sending, operation, number, record.sample.change, record.sample.saved)


def _queue(sending: _Sending, operation: int, number: int, change: Change, saved: Mapping[str, Any]) -> None:
    record = sending.records[number]
    group_by = sending.program.operations[operation].spec.group_by
    numbered = Numbered(
        seq=0,
        key=record.key,
        change=change,
        payload_hash="",
        line=record.line,
        saved=saved or None,
        row=record.row,
        refs=refs_of(record, sending.program.mapping.refs),
    )
    group = key_text(tuple(canonical(record.row.get(name)) for name in group_by)) if group_by else ""
    sending.entries.setdefault(operation, []).append(_Entry(number=number, change=numbered, group=group))
    sending.exercised |= {("send", operation, "on", str(change)), ("send", operation, "group_by", group)}


def _send(sending: _Sending, operation: int) -> None:
    """Send an operation's records in the order of delivery."""
    spec = sending.program.operations[operation].spec
    entries = sorted(sending.entries.get(operation, ()), key=lambda each: (each.group, key_text(each.change.key)))
    for part in _parts(entries, spec.chunk_size if spec.many else 1):
        post = _Post(sending, operation, entries[part.range.first - 1 : part.range.last], part)
        for event in post.delivery().events():
            post.take(event)


def _parts(entries: Sequence[_Entry], size: int) -> Iterator[Part]:
    """Cut the records into the parts of their requests; they are numbered from 1."""
    numbered = enumerate(entries, start=1)
    for number, (_, found) in enumerate(groupby(numbered, key=lambda pair: pair[1].group)):
        first, *rest = [seq for seq, _ in found]
        for each in chunk([Range(first, rest[-1] if rest else first)], size):
            yield Part(range=each, group=number, family=each.first)


class _Post:
    """One part and what becomes of it, with the samples' answers as the target."""

    def __init__(self, sending: _Sending, operation: int, entries: Sequence[_Entry], part: Part) -> None:
        self._sending, self._operation, self._entries, self._part = sending, operation, entries, part
        self._compiled: CompiledOperation = sending.program.operations[operation]
        self._asked = part  # of the latest request
        self._story: Story = {}  # of the latest request
        self._given = False  # an answer of a sample was read
        self._unanswered = False

    def delivery(self) -> Delivery:
        """Give what sends the part."""
        terms: Terms = self._compiled.terms(AT_ONCE)
        terms = replace(terms, proven=frozenset(range(terms.steps)))  # as it is once a removal was accepted
        if terms.look_up_after_seconds is not None:
            terms = replace(terms, look_up_after_seconds=0.0)
        end = End(
            build=self._build,
            exchange=self._exchange,
            read=lambda part, answer: read(self._compiled, part.attempt, answer, lambda: self._changes(part)),
            unavailable=lambda: False,
            workers=1,
        )
        return Delivery([(self._part, 0.0)], terms, end, stop=threading.Event())

    def take(self, event: Any) -> None:
        """Tell what happened."""
        if isinstance(event, Exchanged):
            self._note(event)
        elif isinstance(event, Done) and not self._unanswered:
            for each in self._of(event.part):
                self._finish(each, event)

    def _of(self, part: Part) -> Sequence[_Entry]:
        offset = self._part.range.first
        return self._entries[part.range.first - offset : part.range.last - offset + 1]

    def _changes(self, part: Part) -> list[Numbered]:
        return [each.change for each in self._of(part)]

    # --- requests ----------------------------------------------------------------------------------------------

    def _build(self, part: Part) -> Outgoing | Refusal:
        changes = self._changes(part)
        self._asked = part
        if not self._compiled.spec.many:
            request = build_one(self._compiled, part.attempt, changes[0])
            return request if isinstance(request, Refusal) else self._tell_one(part, request)
        group = {name: changes[0].row.get(name) for name in self._compiled.spec.group_by}
        request = build_many(
            self._compiled,
            ManyLines(
                group=group,
                lines=[each.line for each in changes if each.line is not None],
                removed=[dict(each.row) for each in changes if each.change is Change.REMOVED],
            ),
        )
        return request if isinstance(request, Refusal) else self._tell_many(part, request)

    def _tell_one(self, part: Part, request: Outgoing) -> Outgoing:
        entry = self._of(part)[0]
        self._story = {"look_up": True} if part.attempt.ask is Ask.LOOK_UP else {}
        self._story |= request_story(request)
        spec = self._compiled.spec.requests[part.attempt.step]
        if request.file and spec.file:
            path = entry.change.row[path_column(spec.file)]
            named = {"path": path} if spec.file in self._compiled.files.paths else {}
            text = self._sending.records[entry.number].sample.files[spec.file]
            self._story["file"] = {"name": spec.file, **named, "content": text}
        self._sending.stories[entry.number].setdefault("requests", []).append(self._story)
        return request

    def _tell_many(self, part: Part, request: Outgoing) -> Outgoing:
        spec, entries = self._compiled.spec, self._of(part)
        names = [self._sending.records[each.number].sample.name for each in entries]
        on = [str(change) for change in Change if change in spec.on]
        self._story = {"on": on, "samples": names, **request_story(request)}
        self._sending.shared.append(self._story)
        return request

    # --- answers -------------------------------------------------------------------------------------------------

    def _exchange(self, request: Outgoing) -> Answer:
        """Answer as the first sample of the part does that has an answer left."""
        for each in self._of(self._asked):
            if left := self._sending.answers[each.number]:
                answer = answered(left.popleft())
                self._given, self._story["answered"] = True, answer.status
                return answer
        if self._is_read():
            self._unanswered = True
            raise Unanswered
        return Answered(status=200)

    def _is_read(self) -> bool:
        """Tell whether the mapping reads the answer to the latest request."""
        spec, step = self._compiled.spec, self._asked.attempt.step
        if self._asked.attempt.ask is Ask.LOOK_UP or spec.ok or spec.items or spec.requests[step].save:
            return True
        return bool(spec.save) and step == len(spec.requests) - 1

    def _note(self, event: Exchanged) -> None:
        """Note which rules the answer called upon."""
        path = ("send", self._operation)
        if isinstance(event.answer, Answered) and event.answer.status in self._compiled.spec.on_status:
            self._sending.exercised.add((*path, "on_status", event.answer.status))
        if event.part.attempt.ask is Ask.LOOK_UP and isinstance(event.decision, Exists):
            self._sending.exercised.add((*path, "lookup", "found"))
        if event.part.attempt.ask is Ask.LOOK_UP and isinstance(event.decision, CreateAgain | Refuse | Confirm):
            self._sending.exercised.add((*path, "lookup", "absent"))

    def _finish(self, entry: _Entry, done: Done) -> None:
        """Tell the outcome; of an answer that nobody gave there is nothing to tell."""
        story = self._sending.stories[entry.number]
        match done.verdict:
            case Verdict.REJECTED if done.refusal:
                story["refused"] = refusal_story(done.refusal)
            case Verdict.EXISTS:
                story["exists"] = dict(done.saved)
                self._follow(entry, done)
            case Verdict.CONFIRMED if self._given:
                story["confirmed"] = dict(done.saved)
            case Verdict.FAILED | Verdict.UNKNOWN | Verdict.WAITING | Verdict.WITHHELD | Verdict.GONE:
                story[str(done.verdict)] = done.reason

    def _follow(self, entry: _Entry, done: Done) -> None:
        """Let the operation for changed records take one that a look-up found, as a run does."""
        following = self._sending.program.takes.get(Change.CHANGED)
        if following is not None and following > self._operation:
            saved = {**(entry.change.saved or {}), **done.saved}
            _queue(self._sending, following, entry.number, Change.CHANGED, saved)
