"""The ledger of what the target confirmed; no other file writes it (ledger.md 1, 2, 5).

`Ledger.settle` alone confirms a record. What else writes takes a confirmation back, so that at worst something is sent
again: `rebuild` after a lost file, `forget` for `resend`, `doubt` and `disown` for creates of unknown outcome.
`rekey` lets a confirmation stand under another key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.state.sql_names import column, literal, more, quoted
from engine.state.staging import Staging
from engine.state.stored_texts import stamp
from engine.values import Key, Kind, Range, canonical, coalesce, kept_text, key_text, restorer_of, subtract

FIRST_LOAD = "first_load"  # note of the file: whether that is over, as `first_load.py` writes it
OPEN = '{"is_open": true, "doubted": [], "absent": []}'
READ_BY = "read_by"  # note of the file: by which mapping the source was last read whole; "": that is not over


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What the journal says became of the numbered changes of one run."""

    marked: Sequence[Range] = ()  # about to be sent
    confirmed: Sequence[Range] = ()  # the target confirmed exactly that payload
    clean: Sequence[Range] = ()  # certainly without effect
    gone: Sequence[Range] = ()  # the target was found not to hold the record any more


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one object, in its DuckDB file beside the changes of the run that is not settled yet."""

    _staging: Staging

    # --- which file this is ------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """Where it is kept, for people."""
        return str(self._staging.path)

    @property
    def generation(self) -> int:
        """How often it was settled."""
        return int(self._staging.meta("generation") or 0)

    @property
    def journal(self) -> str | None:
        """The identity of the journal that it belongs to; None: a new one."""
        return self._staging.meta("journal")

    def pair(self, identity: str) -> None:
        """Let it belong to a journal from now on."""
        self._staging.set_meta("journal", identity)

    @property
    def run_id(self) -> str | None:
        """The last run whose changes were numbered."""
        return self._staging.meta("run_id")

    @property
    def unsettled(self) -> int:
        """The number of the last change that is not settled; 0: none."""
        return int(self._staging.value("select coalesce(max(seq), 0) from changes"))

    @property
    def is_empty(self) -> bool:
        """Whether it holds no record."""
        return not self._staging.value("select 1 from ledger limit 1")

    @property
    def is_confirming_nothing(self) -> bool:
        """Whether nothing that it holds was ever confirmed."""
        return not self._staging.value("select 1 from ledger where payload_hash is not null limit 1")

    def holds(self, key: Key) -> bool:
        """Tell whether it holds a record."""
        return bool(self._staging.value("select 1 from ledger where key = ? limit 1", [key_text(key)]))

    # --- the one way to a confirmation ---------------------------------------------------------------------

    def settle(self, outcomes: Outcomes, at: datetime) -> None:
        """Bring the ledger to what the outcomes of the last changes say, in one transaction; twice changes nothing.

        Confirmed changes replace their ledger row, confirmed removals delete it. What was marked and neither confirmed
        nor clean becomes uncertain, with the columns last sent. An uncertain record stays so until it is confirmed.
        What is gone is uncertain and was never confirmed.
        Changes without a number need no request (their payload is the confirmed one): they are taken as they are.
        Afterwards there are no changes, and the generation is one higher.
        """
        staging = self._staging
        names = staging.columns_of("changes", "c:")
        _widen_ledger(staging, names)
        _judge(staging, outcomes)
        whole = _is_first_load(staging, names)
        if whole:
            _shape_as_ledger(staging, names, at)
        with staging.transaction():
            if whole:
                staging.run("drop table ledger")
                staging.run("alter table changes rename to ledger")
            else:
                _apply(staging, names, at)
            _keep_kinds(staging)
            staging.begin("changes")
            staging.set_meta("generation", str(self.generation + 1))
        staging.run("drop view if exists verdicts")
        _tidy(staging)

    # --- ways to take a confirmation back ------------------------------------------------------------------

    def rebuild(self, begun: Mapping[Key, Mapping[str, Any]], generation: int) -> None:
        """Begin anew as this generation, with nothing but the creates that are not finished.

        They may have to be removed. The source is to be read whole.
        """
        staging = self._staging
        staging.run("delete from ledger")
        staging.begin("changes")
        for key, row in begun.items():
            names = [f"c:{name}" for name in row]
            _widen_ledger(staging, names)
            places = ", ".join("?" * (2 + len(names)))
            staging.run(
                f"insert into ledger (key, uncertain{more(map(quoted, names))}) values ({places})",
                [key_text(key), True, *(kept_text(value) for value in row.values())],
            )
        staging.set_meta(READ_BY, "")
        staging.set_meta(FIRST_LOAD, OPEN)
        staging.set_meta("generation", str(generation))  # last: from now on it is believed

    def forget(self, keys: Sequence[Key] | None) -> int:
        """Let the next run send some records again, or all: forget their row hashes; answers how many."""
        where = "" if keys is None else " where key in (select unnest(?))"
        params = [] if keys is None else [[key_text(key) for key in keys]]
        count = int(self._staging.value(f"select count(*) from ledger{where}", params) or 0)
        self._staging.run(f"update ledger set row_hash = null, uncertain = true{where}", params)
        return count

    def doubt_unbound(self) -> int:
        """Take the records of the table `unbound` as never confirmed and uncertain; answers how many they are."""
        self._staging.run(
            "update ledger set row_hash = null, payload_hash = null, uncertain = true"
            " where key in (select key from unbound)"
        )
        return int(self._staging.value("select count(*) from unbound"))

    def drop(self, key: Key) -> None:
        """Forget a record, by a person's word; what is not held is no removal when it leaves the source."""
        self._staging.run("delete from ledger where key = ?", [key_text(key)])

    def rekey(self) -> None:
        """Hold the records of the table `other_keys` under the keys that they have now, confirmed or not as before."""
        self._staging.ensure("gone_before")
        with self._staging.transaction():
            self._staging.run("update ledger set key = o.key from other_keys o where ledger.key = o.old")
            self._staging.run("delete from gone_before where key in (select old from other_keys)")

    def disown(self, key: Key) -> None:
        """Forget a record that was never confirmed: it is known now that nothing was done."""
        self._staging.run("delete from ledger where key = ? and payload_hash is null", [key_text(key)])


def ledger_columns(staging: Staging) -> list[str]:
    """List the source's columns in the ledger, without their prefix."""
    return [name[2:] for name in staging.columns_of("ledger", "c:")]


def _widen_ledger(staging: Staging, names: Sequence[str]) -> None:
    known = {f"c:{name}" for name in ledger_columns(staging)}
    for name in names:
        if name not in known:
            staging.run(f"alter table ledger add column {quoted(name)} varchar")


def _judge(staging: Staging, outcomes: Outcomes) -> None:
    """Write what became of each key: `confirmed`, `gone`, `uncertain`, or nothing; the last confirmation wins."""
    known = [*outcomes.confirmed, *outcomes.clean, *outcomes.gone]
    verdicts = {
        "confirmed": coalesce(outcomes.confirmed),
        "gone": coalesce(outcomes.gone),
        "uncertain": subtract(outcomes.marked, known),
    }
    staging.begin("judged")
    for verdict, ranges in verdicts.items():
        columns = {"first": (each.first for each in ranges), "last": (each.last for each in ranges)}
        staging.insert_columns("judged", columns, f"first, last, '{verdict}'")
    staging.run(
        """
        create or replace temp view verdicts as
        select c.seq, c.key, coalesce(j.verdict, 'confirmed') as verdict
        from changes c left join judged j on c.seq between j.first and j.last
        where c.seq is null or j.verdict is not null
        """
    )


def _is_first_load(staging: Staging, names: Sequence[str]) -> bool:
    """Tell whether `changes`, all confirmed, can become the ledger: quicker than copying it."""
    if staging.value("select count(*) from ledger") or set(names) != {f"c:{name}" for name in ledger_columns(staging)}:
        return False
    return bool(
        staging.value(
            """
            select count(*) > 0 and count(*) = count(distinct key) and bool_and(change <> 'removed')
                and count(*) = (select count(*) from verdicts where verdict = 'confirmed')
            from changes
            """
        )
    )


def _shape_as_ledger(staging: Staging, names: Sequence[str], at: datetime) -> None:
    """Give `changes` the ledger's columns; it still says the same, so a kill in between does no harm.

    DuckDB cannot commit such alterations together with the change of name.
    """
    kept = {"seq", "change", "key", "row_hash", "payload_hash", "uncertain", "removing", "confirmed_at", *names}
    for name in staging.columns_of("changes"):
        if name not in kept:
            staging.run(f"alter table changes drop column {quoted(name)}")
    for flag in ("uncertain", "removing"):
        staging.run(f"alter table changes add column if not exists {flag} boolean default false")
    staging.run(f"alter table changes add column if not exists confirmed_at varchar default {literal(stamp(at))}")


def _tidy(staging: Staging) -> None:
    """Drop what a ledger that was `changes` does not need."""
    for name in ("seq", "change"):
        staging.run(f"alter table ledger drop column if exists {name}")


def _apply(staging: Staging, names: Sequence[str], at: datetime) -> None:
    """Take the rows of the settled keys out of the ledger, and put in what holds of them now."""
    _find_settled(staging)
    staging.run("delete from ledger where key in (select key from settled)")
    last = int(staging.value("select coalesce(max(rowid), -1) from changes"))
    for window in staging.room.windows(last, first=0):  # what is heavy would outgrow the memory all at once
        _put_in(staging, names, window, at)


def _find_settled(staging: Staging) -> None:
    staging.run(
        """
        create or replace temp table settled as
        select c.rowid as place, c.key, c.seq, c.change,
            case
                when v.verdict <> 'confirmed' and bool_or(v.verdict = 'gone') over (partition by c.key) then 'gone'
                else v.verdict
            end as verdict
        from changes c join verdicts v on v.key = c.key and v.seq is not distinct from c.seq
        qualify row_number() over (partition by c.key order by v.verdict = 'confirmed' desc, c.seq desc nulls last) = 1
        """
    )
    staging.run(
        """
        create or replace temp table before as
        select key, row_hash, payload_hash, removing, confirmed_at from ledger
        where key in (select key from settled where verdict = 'uncertain' or verdict = 'confirmed' and seq is null)
        """
    )


def _put_in(staging: Staging, names: Sequence[str], window: tuple[int, int], at: datetime) -> None:
    """Put in the rows of a range of changes, with the columns of the source: confirmed ones, then uncertain ones."""
    into = f"ledger (key, row_hash, payload_hash, uncertain, removing, confirmed_at{more(map(quoted, names))})"
    now, picked = literal(stamp(at)), more(f"c.{quoted(name)}" for name in names)
    of_window = """
        from (from settled where place between $1 and $2) s
            join (select *, rowid as place from changes where rowid between $1 and $2) c on c.place = s.place
            left join before b on b.key = s.key"""
    staging.run(
        f"""
        insert into {into}
        select s.key, c.row_hash, c.payload_hash, false, false,
            case when s.seq is null then coalesce(b.confirmed_at, {now}) else {now} end{picked}
        {of_window}
        where s.verdict = 'confirmed' and s.change <> 'removed'
        """,
        window,
    )
    staging.run(
        f"""
        insert into {into}
        select s.key, b.row_hash, b.payload_hash, true,
            s.change = 'removed' or coalesce(b.removing, false), b.confirmed_at{picked}
        {of_window}
        where s.verdict <> 'confirmed'
        """,
        window,
    )


def _keep_kinds(staging: Staging) -> None:
    """Remember the kinds of the columns, so that ledger rows can be given back as values."""
    known = column_kinds(staging)
    for name, kind in staging.kinds.items():
        known[name] = kind if kind is not Kind.NULL else known.get(name, Kind.NULL)
    staging.set_meta("kinds", json.dumps(known))


def column_kinds(staging: Staging) -> dict[str, Kind]:
    """Give the kinds of the source's columns as last confirmed."""
    return {name: Kind(kind) for name, kind in json.loads(staging.meta("kinds") or "{}").items()}


# --- questions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """One record as the ledger holds it."""

    row: dict[str, Any]  # the source's columns, as values
    confirmed_at: str | None  # None: never confirmed
    uncertain: bool


def confirmed(staging: Staging, key: Key) -> Confirmed | None:
    """Give one record of the ledger, or None."""
    names = ledger_columns(staging)
    listed = more(map(column, names))
    found = staging.rows(f"select confirmed_at, uncertain{listed} from ledger where key = ?", [key_text(key)])
    if not found:
        return None
    at, uncertain, *texts = found[0]
    return Confirmed(row=restored(names, texts, column_kinds(staging)), confirmed_at=at, uncertain=uncertain)


def restored(names: Sequence[str], texts: Sequence[str | None], kinds: dict[str, Kind]) -> dict[str, Any]:
    """Turn canonical texts back into values."""
    row: dict[str, Any] = {}
    for name, text in zip(names, texts, strict=True):
        row[name] = value_of(text, restorer_of(name, kinds))
    return row


def value_of(text: str | None, restore: Callable[[str], Any] | None) -> Any:
    """Turn a text of the ledger back into a value; one from before its column changed its kind stays text."""
    if text is None or restore is None:
        return text
    try:
        value = restore(text)
    except (ValueError, ArithmeticError):
        return text
    return value if isinstance(value, list) or canonical(value) == text else text
