"""Settles the kinds of a read's columns, so that one odd value is the fault of its row and changes no other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.state import SeenKinds, Staging, column_kinds, kind_for, kind_name, odd_among, odd_values
from engine.values import Kind


@dataclass(slots=True)
class Settled:
    """What was found while the kinds of a read were settled."""

    turned: list[str] = field(default_factory=list)  # columns that are of another kind from now on, told for people
    unlike: bool = False  # a column of a part of the source has no value of its kind: reading all of it tells why


def settle_columns(staging: Staging, names: Collection[str], *, whole: bool) -> Settled:
    """Give the columns of the staged rows their kinds, and refuse the rows whose values in `names` are odd."""
    settled, known = Settled(), column_kinds(staging)
    for name in staging.columns:
        before = known.get(name, Kind.NULL)
        if name in names:
            staging.kinds[name] = _settle(staging, settled, staging.seen, name, before, whole=whole)
        elif staging.kinds[name] is Kind.NULL:
            staging.kinds[name] = before
    return settled


def settle_children(staging: Staging, seen: SeenKinds, child: str, *, whole: bool) -> Settled:
    """Give the columns of the rows in the table `children` their kinds; their odd values go to `child_faults`."""
    settled, known = Settled(), column_kinds(staging)
    for name in seen.counts:
        before = known.get(f"{child}.{name}", Kind.NULL)
        kind = _settle(staging, settled, seen, name, before, whole=whole, child=child)
        staging.kinds[f"{child}.{name}"] = kind
    return settled


def _settle(
    staging: Staging,
    settled: Settled,
    seen: SeenKinds,
    name: str,
    known: Kind,
    *,
    whole: bool,
    child: str | None = None,
) -> Kind:
    counts = seen.counts[name]
    kind = kind_for(counts, known, whole=whole)
    if odd := odd_among(counts, kind):
        staging.write_kinds(seen)
        into, table = ("child_faults", "children") if child else ("faults", "staged")
        staging.run(f"insert into {into} {odd_values(name, kind, odd, table=table)}")
        settled.unlike |= not whole and odd == set(counts)
    if known not in (kind, Kind.NULL):
        column = f"{child}.{name}" if child else name
        settled.turned.append(
            f"column {column} held {kind_name(known)} and holds {kind_name(kind)} now, in every row: "
            "all rows count as changed, this once"
        )
    return kind
