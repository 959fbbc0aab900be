"""The part of a run that a plan shares: stage, compare and render, into numbered changes that could be sent."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import NamedTuple, TypeVar

from engine.difference import compare, numbering
from engine.difference.children import stage_children
from engine.difference.decided import count, give_verdicts, refused, remembered
from engine.difference.file_hashes import Stoppable, stage_files
from engine.difference.guards import Held, guard, guard_payloads
from engine.difference.odd_values import Settled, settle_columns
from engine.mapping import SqlSource
from engine.mapping.checks import first_use
from engine.mapping.program import Comparison, Program
from engine.state import RunJournal, Staging, load_journal
from engine.values import Counts, Key, Order, Read, Refusal, Refused, RunError, arrow

T = TypeVar("T")

OF_QUERY = frozenset({"E_QUERY", "E_DATA", "E_DUPLICATE_COLUMN", "E_UNKNOWN_COLUMN"})  # a query is to be corrected


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChanges:
    """A read compared and rendered; its numbered changes stand in the staging file."""

    spec: Comparison
    counts: Counts
    refused: tuple[Refused, ...]
    remembered: tuple[Key, ...]
    withheld: tuple[Held, ...]
    turned: tuple[str, ...] = ()  # columns that are of another kind from now on, told for people
    unlike: bool = False  # a partial read holds nothing of the kind that a column has: the next read must be whole


def find_changes(
    program: Program, staging: Staging, journal: RunJournal, read: Read, order: Order, *, stop: threading.Event
) -> FoundChanges:
    """Stage, compare, render and number: afterwards the table `changes` holds what a run would send.

    Raises SourceError or RunError, the latter too when `stop` is set meanwhile; the ledger is as it was then.
    """
    stoppable = partial(_stoppable, program, stop)
    staged = _stage(program, staging, read, stoppable)
    spec = _comparison(program, staging, read, order)
    _load_journal(program, staging, journal)
    compare.compare(staging, spec)
    withheld = guard(staging, spec, journal, staged.rows)
    _render(program, staging, stoppable)
    give_verdicts(staging, spec)
    withheld += guard_payloads(staging, spec)
    numbering.number_changes(staging, spec, order.run_id)
    return FoundChanges(
        spec=spec,
        counts=count(staging, staged.rows - staged.gone, without_document=len(read.refused)),
        refused=tuple(refused(staging)),
        remembered=tuple(remembered(staging)),
        withheld=withheld,
        turned=tuple(each for settled in staged.settled for each in settled.turned),
        unlike=any(settled.unlike for settled in staged.settled),
    )


# --- staging a read ----------------------------------------------------------------------------------------


class _Staged(NamedTuple):
    rows: int
    gone: int  # of them: keys of records that the source says exist no more
    settled: tuple[Settled, ...]  # the kinds of its columns, and of those of its children


def _stage(program: Program, staging: Staging, read: Read, stoppable: Stoppable) -> _Staged:
    """Bring a read with its children and files into staging, ready to be compared."""
    with _located(program, "source", "query"):
        rows = staging.stage(_with_key(program, stoppable(read.batches)), program.mapping.source.key)
    settled = []
    if isinstance(program.source, SqlSource):
        settled.append(settle_columns(staging, program.columns_rendered(staging.columns), whole=read.full))
    for name, batches in read.children.items():
        children = program.children[name]
        with _located(program, "source", "children", name, "query"):
            found = stage_children(
                staging, name, stoppable(batches), children.parent, children.order_by, whole=read.full
            )
            settled.append(found)
    gone = staging.count_gone()
    _check_columns(program, staging)
    compare.begin(staging)
    if program.files.names:
        stage_files(staging, program.files, stoppable)
    return _Staged(rows, gone, tuple(settled))


def _stoppable(program: Program, stop: threading.Event, items: Iterable[T]) -> Iterator[T]:
    """Break off what takes long when the run is to stop; nothing of its read is kept."""
    for item in items:
        if stop.is_set():
            message = f"{program.object}: the run was stopped before anything of this read was sent"
            raise RunError(message, code="E_STOPPED")
        yield item


@contextmanager
def _located(program: Program, *path: str) -> Iterator[None]:
    """Name the query that a database could not answer, or whose data cannot be taken."""
    try:
        yield
    except RunError as error:
        if error.code not in OF_QUERY or error.message.startswith(program.mapping.file):
            raise
        message = f"{program.mapping.place(*path)}: {program.object}: {error.message}"
        raise RunError(message, code=error.code) from error


def _check_columns(program: Program, staging: Staging) -> None:
    """Compare what the mapping names with what the source gave, before a million rows fail one by one."""
    _check_names(program, "the source", program.needed_columns(), staging.columns)
    for name, needed in program.needed_child_columns().items():
        given = [each.removeprefix(f"{name}.") for each in staging.kinds if each.startswith(f"{name}.")]
        _check_names(program, f"the children {name}", needed, given, each=name)


def _with_key(program: Program, batches: Iterable[arrow.Batch]) -> Iterator[arrow.Batch]:
    """Check that a read has the columns of the key before it is stored by them."""
    for batch in batches:
        _check_names(program, "the source", program.mapping.source.key, batch.columns)
        yield batch


def _check_names(
    program: Program, whose: str, needed: Collection[str], given: Sequence[str], *, each: str | None = None
) -> None:
    for name in sorted(set(needed) - set(given)):
        near = get_close_matches(name, given, n=1)
        hint = f"did you mean {near[0]}?" if near else "correct the template or the query"
        place = program.mapping.place(*first_use(program.mapping, name, each))
        message = (
            f"{place}: {program.object}: {whose} has no column {name}; it has {', '.join(given) or 'none'}: {hint}"
        )
        raise RunError(message, code="E_UNKNOWN_COLUMN")


# --- comparing and rendering -------------------------------------------------------------------------------


def _comparison(program: Program, staging: Staging, read: Read, order: Order) -> Comparison:
    """Say what the comparison has to know; where all is adopted nothing is created."""
    spec = program.comparison(staging.columns, due=order.due, full=read.full, allowed=order.allowed)
    if not order.adopts:
        return spec
    return replace(spec, creates=False, guards=replace(spec.guards, max_added=None, max_changed=None))


def _load_journal(program: Program, staging: Staging, journal: RunJournal) -> None:
    refs = {ref.name: ref.object for ref in program.refs}
    hours = program.mapping.retry_rejected_after_hours
    load_journal(staging, journal, program.object, refs=refs, retry_after_hours=hours)


def _render(program: Program, staging: Staging, stoppable: Stoppable) -> None:
    names = program.lines.columns(staging.columns)
    refs = tuple(ref.name for ref in program.refs)
    numbering.begin_lines(staging)
    for numbers, rows in stoppable(numbering.to_render(staging, names, refs)):
        lines: list[bytes] = []
        numbered: list[int] = []
        refused: dict[int, Refusal] = {}
        for number, line in zip(numbers, program.lines.render(rows, (*names, *refs)), strict=True):
            if isinstance(line, Refusal):
                refused[number] = line
            else:
                numbered.append(number)
                lines.append(line)
        numbering.take_lines(staging, numbered, lines)
        if refused:
            numbering.refuse(staging, refused)
