"""The kind of each column of a read: what its values are, what the column was known to hold, and which values are odd.

A column keeps the kind that it is known by while a single value of a whole read still has it; a column that is not
known yet takes the kind that most values have (ledger.md 7). What then is of another kind is the fault of its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby

from engine.state.sql_names import column, literal
from engine.values import Kind, arrow, merge

HELD_RUNS = 20_000  # in Python, before they are written to their table
MORE_THAN_TEXTS = {Kind.TEXT: frozenset({Kind.NUMBER})}  # a column of texts holds numbers as they are written
_NAMES = {
    Kind.BOOLEAN: ("true or false", "true or false"),
    Kind.NUMBER: ("a number", "numbers"),
    Kind.TEXT: ("a text", "texts"),
    Kind.DATE: ("a date", "dates"),
    Kind.DATETIME: ("a date with time", "dates with time"),
    Kind.INSTANT: ("a moment with its zone", "moments with their zone"),
    Kind.TIME: ("a time of day", "times of day"),
    Kind.BYTES: ("bytes", "bytes"),
    Kind.LIST: ("a list", "lists"),
}
REMEDY = (
    "correct it at the source, or let the query give null in its place; if all of the column is meant so, CAST it in "
    "the query"
)


@dataclass(frozen=True, slots=True)
class Run:
    """Rows one after another whose values in a column are of one kind, or null."""

    name: str
    first: int
    last: int
    kind: Kind


@dataclass(slots=True)
class SeenKinds:
    """The kinds that a read showed so far, column by column."""

    counts: dict[str, Counter[Kind]]  # of values that are not null
    runs: list[Run] = field(default_factory=list)  # that are not written to their table yet

    @classmethod
    def of(cls, columns: Sequence[str]) -> SeenKinds:
        """Begin a read of these columns."""
        return cls({name: Counter() for name in columns})

    def merged(self, name: str) -> Kind:
        """Join all kinds of a column, as where nothing is known of it: different kinds are text."""
        return reduce(merge, self.counts[name], Kind.NULL)

    def add(self, batch: arrow.Batch, before: int) -> None:
        """Take down a batch whose first row has the number `before`."""
        last = before + batch.data.num_rows - 1
        for name, kind, values in zip(batch.columns, batch.kinds, batch.data.columns, strict=True):
            mixed = batch.mixed.get(name)
            if mixed:
                self._add_mixed(name, mixed, before)
            elif kind is not Kind.NULL:
                self.counts[name][kind] += len(values) - values.null_count
                self.runs.append(Run(name, before, last, kind))

    def _add_mixed(self, name: str, kinds: Sequence[Kind], before: int) -> None:
        for kind, group in groupby(enumerate(kinds, before), key=lambda each: each[1]):
            numbers = [number for number, _ in group]
            if kind is not Kind.NULL:
                self.counts[name][kind] += len(numbers)
                self.runs.append(Run(name, numbers[0], numbers[-1], kind))


def kind_for(counts: Mapping[Kind, int], known: Kind, *, whole: bool) -> Kind:
    """Choose the kind of a column by the values of a read, and by the kind that it is known by."""
    if not counts or (known is not Kind.NULL and (known in counts or not whole)):
        return known
    return max(counts, key=lambda kind: (counts[kind], kind is Kind.TEXT, kind))


def odd_among(counts: Mapping[Kind, int], kind: Kind) -> frozenset[Kind]:
    """List the kinds of values that a column of this kind cannot hold."""
    return frozenset(counts) - {kind} - MORE_THAN_TEXTS.get(kind, frozenset())


def kind_name(kind: Kind) -> str:
    """Name the values of a kind, for people."""
    return _NAMES[kind][1]


def odd_values(name: str, kind: Kind, odd: frozenset[Kind], *, table: str) -> str:
    """Give SQL for the number and the fault of each row of a table whose value is of an odd kind."""
    shown = f"case when k.kind = '{Kind.BYTES}' then '' else ' ' || left(t.{column(name)}, 200) end"
    said = " ".join(f"when '{each}' then {literal(_NAMES[each][0])}" for each in sorted(odd))
    return f"""
        select t.n, {literal(f"column {name} holds ")} || case k.kind {said} end || {shown}
            || {literal(f", where a column of {_NAMES[kind][1]} is expected; {REMEDY}")}
        from {table} t join kinds_seen k on t.n between k.first and k.last
        where k.name = {literal(name)} and k.kind in ({", ".join(literal(each) for each in sorted(odd))})
            and t.{column(name)} is not null"""
