"""The two kinds of target, as delivery sees them: HTTP requests made of changes, and rows written to an ERP."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.connections import HttpConnection
from engine.connections.http import HttpEnd, Reading, Terms
from engine.connections.sql import RecordRefused, RowWrite, SqlEnd, StatementCall, TableRows
from engine.delivery.deliver import End
from engine.delivery.part import Part
from engine.mapping.program import CompiledOperation, ManyLines, Sends, Writes, build_many, build_one, read
from engine.state import Staging, changes
from engine.state.journal import Exchange
from engine.values import Answer, Answered, Numbered, Outgoing, Range, Refusal, Stage, TargetError, Written, json_text

WINDOW = 1_000  # records read ahead for requests of one record
RECORDS_A_PART = 500  # written to an ERP between two receipts
MAX_LOCKED = 3  # records of a run that others may hold; then it is a table, and each wait is for nothing


class Target(Protocol):
    """A target of one kind."""

    connection: str

    def size(self, operation: int) -> int:
        """Give the greatest number of changes in one part."""

    def terms(self, operation: int) -> Terms:
        """Say what the operation's answers mean."""

    def end(self, operation: int, window: Window, stop: threading.Event) -> End:
        """Give what delivery needs to send an operation's parts."""

    def describe(self, request: Any, answer: Answer) -> Exchange:
        """Describe an attempt for the history; lines and outcome are filled in by the recorder."""


def described(request: Outgoing, answer: Answer) -> Exchange:
    """Describe an exchange for the history, without lines and outcome."""
    return Exchange(
        method=request.method,
        target=request.target,
        lines=0,
        status=answer.status if isinstance(answer, Answered) else None,
        outcome="",
        reason=getattr(answer, "reason", None),
        duration_seconds=answer.duration_seconds,
    )


class Window:
    """Reads changes ahead, so that requests of one record do not cost a query each."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self._held: dict[int, Numbered] = {}

    def record(self, seq: int) -> Numbered:
        """Give one change."""
        if seq not in self._held:
            ahead = Range(seq, seq + self.staging.room.few(WINDOW) - 1)
            self._held = {each.seq: each for each in changes.read(self.staging, ahead)}
        return self._held[seq]

    def records(self, part: Range) -> Sequence[Numbered]:
        """Give the changes of a part."""
        if part.size == 1:
            return [self.record(part.first)]
        return changes.read(self.staging, part)


class HttpTarget:
    """An HTTP target: one request a part."""

    def __init__(self, sends: Sends, end: HttpEnd, settings: HttpConnection) -> None:
        self._operations = sends.operations
        self._end = end
        self._settings = settings
        self.connection = settings.name

    def size(self, operation: int) -> int:
        """Give the chunk size; one for requests of one record."""
        spec = self._operations[operation].spec
        return spec.chunk_size if spec.many else 1

    def terms(self, operation: int) -> Terms:
        """Say what the operation's answers mean."""
        return self._operations[operation].terms(self._settings.retry)

    def end(self, operation: int, window: Window, stop: threading.Event) -> End:
        """Give what delivery needs."""
        compiled = self._operations[operation]
        suspicious = compiled.spec.many and not compiled.spec.creates  # its 500 may be a fault of its data
        return End(
            build=lambda part: self._build(compiled, part, window),
            exchange=lambda request: self._end.exchange(
                request, stop=stop, counts=not suspicious, expected=compiled.spec.on_status
            ),
            read=lambda part, answer: read(compiled, part.attempt, answer, lambda: window.records(part.range)),
            unavailable=lambda: self._end.open_until() is not None,
            workers=self._settings.concurrency,
            pauses=self._end.openings,
            asked=self._end.asked,
            trusted=lambda: self._end.trusted,
            refuse=self._end.refuse,
        )

    def _build(self, compiled: CompiledOperation, part: Part, window: Window) -> Outgoing | Refusal:
        if compiled.spec.many:
            staging = window.staging
            group = changes.first_row(staging, part.range) if compiled.spec.group_by else {}
            request = build_many(
                compiled,
                ManyLines(
                    group={name: group[name] for name in compiled.spec.group_by},
                    lines=changes.lines(staging, part.range),
                    removed=changes.removed_rows(staging, part.range),
                ),
            )
        else:
            request = build_one(compiled, part.attempt, window.record(part.range.first))
        return request if isinstance(request, Refusal) else self._sendable(request)

    def _sendable(self, request: Outgoing) -> Outgoing | Refusal:
        fault = self._end.fault(request)
        return Refusal(stage=Stage.RENDER, reason=fault, field="request") if fault else request

    def describe(self, request: Outgoing, answer: Answer) -> Exchange:
        """Describe an attempt for the history."""
        return described(request, answer)


class SqlTarget:
    """A SQL target: the tables and statements of one record in one transaction, many records a part."""

    def __init__(self, writes: Writes, end: SqlEnd) -> None:
        self._writes = writes
        self._end = end
        self._locked = 0  # records of this run
        self.connection = writes.spec.connection

    def size(self, operation: int) -> int:
        """Give the number of records between two receipts."""
        return RECORDS_A_PART

    def terms(self, operation: int) -> Terms:
        """Say what answers mean: a write by key can be repeated."""
        return Terms(creates=False)

    def end(self, operation: int, window: Window, stop: threading.Event) -> End:
        """Give what delivery needs."""
        return End(
            build=lambda part: [self._record(operation, each) for each in window.records(part.range)],
            exchange=self._write,
            read=lambda part, answer: Reading(),
            unavailable=lambda: False,
            workers=1,
        )

    def _record(self, operation: int, change: Numbered) -> list[TableRows | StatementCall] | Refusal:
        line = self._writes.line(change)
        if isinstance(line, Refusal):
            return line
        statements = self._writes.statements(operation)
        return [_from_json(each, statements) for each in json_text.decode(line or "[]")]

    def _write(self, records: Sequence[list[TableRows | StatementCall] | Refusal]) -> Written:
        begun, left = time.monotonic(), dict[int, str]()
        refusals = tuple(self._write_one(record, at, left) for at, record in enumerate(records))
        return Written(refusals=refusals, left=left, duration_seconds=time.monotonic() - begun)

    def _write_one(
        self, record: list[TableRows | StatementCall] | Refusal, at: int, left: dict[int, str]
    ) -> str | None:
        """Write a record; one that a person holds at this moment is left, and holds up nobody else."""
        if isinstance(record, Refusal):
            return record.reason
        try:
            self._end.write(record)
        except RecordRefused as refused:
            return str(refused)
        except TargetError as error:
            self._locked += error.code == "E_LOCKED"
            if error.code != "E_LOCKED" or self._locked > MAX_LOCKED:
                raise
            left[at] = error.message
        return None

    def describe(self, request: Any, answer: Answer) -> Exchange:
        """Describe a part's writes for the history."""
        return Exchange(
            method="WRITE",
            target=self.connection,
            lines=len(request),
            status=None,
            outcome="",
            reason=None,
            duration_seconds=answer.duration_seconds,
        )


def _from_json(value: Mapping[str, Any], statements: Sequence[Any]) -> TableRows | StatementCall:
    if "statement" in value:
        return StatementCall(sql=statements[value["statement"]].sql, params=value["params"])
    return TableRows(
        table=value["table"],
        rows=tuple(RowWrite(key=row["key"], fields=row["fields"]) for row in value["rows"]),
        scope=value["scope"],
        delete_orphans=value["delete_orphans"],
    )
