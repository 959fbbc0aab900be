"""How far a read has come in the column of its cursor: never past the moment of the read, where it holds times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from engine.state.sql_names import column
from engine.state.staging import Staging
from engine.values import UNITS, Kind, canonical, unix_number, written_like

SKEW = timedelta(minutes=5)  # that clocks may differ by, before a row is told to be ahead of time
YEAR_2000 = 946_684_800  # no unix time of a record is older: smaller numbers are counters
TIMES = frozenset({Kind.DATE, Kind.DATETIME, Kind.INSTANT})
_ZONE = r"(:[0-9]{2}|:[0-9.]+)(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the next read may begin."""

    noted: Mapping[str, Any] | None  # value, kind and unit for the journal; None: there is nothing to begin at
    ahead: int = 0  # records to be sent whose time is still to come
    example: str = ""  # the time of one of them
    untimely: str = ""  # a text of a column that holds no times


def furthest(
    staging: Staging, name: str, *, now: datetime, zone: tzinfo, before: Mapping[str, Any] | None, whole: bool
) -> Position:
    """Find the greatest value of a column of the read that is not later than `now`; values of no time count as none.

    `before` is what was noted of an earlier read; times without a zone are in `zone`. What is later is given again by
    every read until its time has come.
    """
    kind = staging.kinds[name]
    unit = before["unit"] if before and before["kind"] == kind and "unit" in before else _unit(staging, name, now)
    form = _Form(name=name, kind=kind, unit=unit)
    value = _greatest(staging, form, "true" if not form.is_time else f"moment <= {form.limit(now, zone)}")
    if not form.is_time:
        return Position(noted=_noted(value, kind, unit), untimely="" if kind is Kind.NUMBER else value or "")
    late = f"moment > {form.limit(now + SKEW, zone)}"
    latest = _greatest(staging, form, f"moment > {form.limit(now, zone)}")
    if value is None and latest is not None and whole:
        value = _now(form, latest, now, zone)
    sql = f"select count(*), max(value) from ({form.sql}) where {late} and key in (select key from candidates)"
    ahead, example = staging.rows(sql)[0]
    return Position(noted=_noted(value, kind, unit), ahead=ahead, example=example or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A column of a cursor, and what its values say."""

    name: str
    kind: Kind
    unit: int | None  # of texts that are times 1, of unix times the parts of a second, None: it holds no times

    @property
    def is_time(self) -> bool:
        return self.unit is not None

    @property
    def sql(self) -> str:
        """Give SQL for each `key`, its `value`, what says when it is (`moment`), and what orders it (`place`)."""
        text = column(self.name)
        number = f"try_cast({text} as decimal(38, 9))"
        place = number if self.kind is Kind.NUMBER else text
        moment = number if self.kind is Kind.NUMBER else _moment(text)
        return f"select key, {text} as value, {moment} as moment, {place} as place from staged where {text} is not null"

    def limit(self, moment: datetime, zone: tzinfo) -> str:
        """Give SQL for a moment, to be compared with `moment`: one that says its zone is in UTC."""
        if self.kind is Kind.NUMBER:
            return str(unix_number(moment, self.unit or 1))
        utc, local = (f"timestamp '{moment.astimezone(each):%Y-%m-%d %H:%M:%S.%f}'" for each in (UTC, zone))
        return f"case when regexp_matches(value, '{_ZONE}') then {utc} else {local} end"


def _moment(text: str) -> str:
    """Give SQL for when a text is: in UTC where it says its zone; null where it is no time."""
    tail = f"regexp_extract({text}, '{_ZONE}', 2)"
    hours, minutes = f"try_cast({tail}[2:3] as integer)", f"try_cast(nullif(right({tail}, 2), {tail}[2:3]) as integer)"
    offset = (
        f"case when {tail} in ('', 'Z') then 0"
        f" else (case {tail}[1] when '-' then -1 else 1 end) * (coalesce({hours}, 0) * 60"
        f" + case when length({tail}) > 3 then coalesce({minutes}, 0) else 0 end) end"
    )
    iso = f"case when regexp_matches({text}, '^[0-9]{{4}}-') then try_cast({text} as timestamp) end"
    digits = f"case when regexp_full_match({text}, '[0-9]+') then"
    digits += f" try_strptime({text}, ['%Y%m%d%H%M%S', '%Y%m%d%H%M', '%Y%m%d']) end"
    return f"coalesce({iso} - to_minutes({offset}), {digits})"


def _unit(staging: Staging, name: str, now: datetime) -> int | None:
    """Tell by most values of a column in which unit they are times; None: they are none."""
    kind = staging.kinds[name]
    if kind in TIMES:
        return 1
    if kind not in (Kind.TEXT, Kind.NUMBER):
        return None
    form = _Form(name=name, kind=kind, unit=1)
    tests = {1: "moment is not null"}
    if kind is Kind.NUMBER:
        tests = {unit: f"moment between {YEAR_2000 * unit} and {unix_number(now, unit)}" for unit in UNITS}
    for unit, test in tests.items():
        if staging.value(f"select count(*) filter ({test}) * 2 > count(*) from ({form.sql})"):
            return unit
    return None


def _greatest(staging: Staging, form: _Form, where: str) -> str | None:
    # a number that is too long is passed over: an earlier cursor reads some rows again, and loses none
    found: str | None = staging.value(f"select arg_max(value, place) from ({form.sql}) where {where}")
    return found


def _now(form: _Form, like: str, now: datetime, zone: tzinfo) -> str:
    """Write the moment of the read as the column writes times."""
    local = now.astimezone(zone).replace(tzinfo=None)
    match form.kind:
        case Kind.NUMBER:
            return str(unix_number(now, form.unit or 1))
        case Kind.INSTANT:
            return canonical(now) or ""
        case Kind.DATETIME:
            return canonical(local) or ""
        case _:
            return written_like(like, now if like.endswith("Z") or "+" in like else local)


def _noted(value: str | None, kind: Kind, unit: int | None) -> dict[str, Any] | None:
    return None if value is None else {"value": value, "kind": str(kind), "unit": unit}
