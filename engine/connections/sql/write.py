"""Writes one record to SQL tables by key, so that a repeated write changes nothing, in portable SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from engine.connections.sql.session import ZONE
from engine.values import canonical, json_text, sql_text


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """One row as it shall stand in its table; values are JSON values, dates or times."""

    key: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("a row is written by its key: the key must have a column")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The rows of one table that belong to a record; without rows and with delete_orphans, a removal."""

    table: str  # may be schema.table
    rows: tuple[RowWrite, ...] = ()  # all with the same key columns
    scope: Mapping[str, Any] = field(default_factory=dict)  # the key columns that come from the parent
    delete_orphans: bool = False  # rows of the table within scope whose key is not among `rows` are deleted

    def __post_init__(self) -> None:
        if self.delete_orphans and not self.scope:
            raise ValueError(f"deleting orphans of {self.table} without a scope would empty the table")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCall:
    """One statement of SQL with named parameters; it must be repeatable."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)


_MAX_PLACES = 200_000
_NO_ISO_TEXTS = frozenset({"firebird", "oracle"})
_TEXT_NUMBERS = frozenset({"postgresql", "mysql", "mariadb"})
# Types of the driver. PostgreSQL: date, timestamp. MySQL: timestamp, date, datetime.
_ZONELESS: Mapping[str, frozenset[Any]] = {
    "postgresql": frozenset({1082, 1114}),
    "mysql": frozenset({7, 10, 12}),
    "mariadb": frozenset({7, 10, 12}),
    "firebird": frozenset({datetime, date}),
    "oracle": frozenset({"DB_TYPE_DATE", "DB_TYPE_TIMESTAMP"}),
}
_MYSQL_TIMESTAMP = 7  # a moment, in UTC as the session is


def write_record(connection: sa.Connection, record: Sequence[TableRows | StatementCall]) -> None:
    """Write the parts of a record in order, inside the caller's transaction."""
    for part in record:
        if isinstance(part, StatementCall):
            params = {
                name: bindable(_local(value, connection), connection.dialect) for name, value in part.params.items()
            }
            connection.execute(sa.text(sql_text.literal_colons(part.sql)), params).close()
        else:
            _write_table(connection, part)


def _local(value: Any, connection: sa.Connection) -> Any:
    """Give a moment as the project's time, where the driver would drop its zone."""
    if not isinstance(value, datetime) or not value.tzinfo or connection.dialect.name in ("postgresql", "sqlite"):
        return value
    local = value.astimezone(connection.info.get(ZONE, UTC))
    return local if connection.dialect.name == "mssql" else local.replace(tzinfo=None)


def bindable(value: Any, dialect: sa.Dialect) -> Any:
    """Give a parameter of a query or statement a form that the driver takes without loss."""
    if isinstance(value, list | tuple | dict):
        return json_text.encode(value).decode()
    if dialect.name == "sqlite":
        return _for_sqlite(value)
    if dialect.name in ("mysql", "mariadb"):
        return _for_mysql(value)
    return value


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _plain(value)  # the column's affinity makes a number of it, or keeps every digit
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return canonical(value) if isinstance(value, date | time) else value


def _plain(value: Decimal) -> str:
    """Write a number in full. Raises ValueError where that would fill the memory, as 1e999999999 would."""
    if abs(value.adjusted()) > _MAX_PLACES:
        raise ValueError(f"the number {str(value)[:100]} has more places than a database holds")
    return format(value, "f")


def _for_mysql(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _plain(value)  # written as 1E-7 it would be a double
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)  # its driver would drop the zone
    return value


# --- tables ------------------------------------------------------------------------------------------


def _write_table(connection: sa.Connection, part: TableRows) -> None:
    names = {name for row in part.rows for name in (*row.key, *row.fields)}
    table = _Table(connection, part.table, tuple(sorted(names | set(part.scope))))
    table.write(part.rows)
    if part.delete_orphans and part.rows:
        table.delete_others(part.scope, [row.key for row in part.rows])
    elif part.delete_orphans:
        table.delete(part.scope)


class _Table:
    """One table during the write of one record."""

    def __init__(self, connection: sa.Connection, name: str, columns: tuple[str, ...]) -> None:
        schema, _, table = name.rpartition(".")
        self._connection = connection
        self._table = sa.table(table, *map(sa.column, columns), schema=schema or None)

    def write(self, rows: Sequence[RowWrite]) -> None:
        """Update or insert the rows of a record, none of them over another of them.

        Keys that differ may be equal to the database: a collation, padding, a rounding.
        """
        held: set[tuple[Any, ...]] = set()  # keys of rows before, as stored
        inserted: list[Mapping[str, Any]] = []  # keys of rows before, not looked up yet
        for row in rows:
            found = self._find(row.key)
            if found:
                held.update(*map(self._find, inserted))
                inserted.clear()
            if not held.isdisjoint(found):
                shown = ", ".join(f"{name} {value}" for name, value in row.key.items())
                raise ValueError(f"two rows of {self._table.fullname} have the same key to the database ({shown})")
            held.update(found)
            inserted += [] if found else [row.key]
            self._write(row, exists=bool(found))

    def _write(self, row: RowWrite, *, exists: bool) -> None:
        if not exists:
            self._connection.execute(sa.insert(self._table).values(self._values({**row.fields, **row.key})))
        elif row.fields:
            self._connection.execute(
                sa.update(self._table).where(*self._where(row.key)).values(self._values(row.fields))
            )

    def delete(self, key: Mapping[str, Any]) -> None:
        """Delete the rows that match."""
        self._connection.execute(sa.delete(self._table).where(*self._where(key)))

    def delete_others(self, scope: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> None:
        """Delete the rows within scope but those of these keys.

        Keys are compared as the database gives them back, so that padding, rounding or a collation misleads nobody.
        """
        names = tuple(keys[0])
        written = [self._find(key) for key in keys]
        if not all(written):
            raise ValueError("a row is not found by its key after it was written: the key does not fit its columns")
        kept = {stored for found in written for stored in found}
        for orphan in set(self._find(scope, names)) - kept:
            self.delete(dict(zip(names, orphan, strict=True)))

    def _find(self, key: Mapping[str, Any], names: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Select the rows that match: their key columns, as stored."""
        columns = [self._table.c[name] for name in names or key]
        return list(map(tuple, self._connection.execute(sa.select(*columns).where(*self._where(key)))))

    def _where(self, key: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
        values = self._values(key)
        return [
            self._table.c[name].is_(None) if key[name] is None else self._table.c[name] == values[name] for name in key
        ]

    def _values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._bound(name, value) for name, value in values.items()}

    def _bound(self, name: str, value: Any) -> sa.ColumnElement[Any]:
        """Bind a value without a type, so that the database takes it for whatever the column is."""
        dialect = self._connection.dialect
        if (moment := _moment(value)) and (type_ := self._zoneless.get(name)):
            value = self._wall(value, moment, type_)
        elif dialect.name in _TEXT_NUMBERS and isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = _plain(value) if isinstance(value, Decimal) else str(value)
        return sa.bindparam(None, bindable(value, dialect), type_=sa.types.NULLTYPE, unique=True)

    def _wall(self, value: Any, moment: datetime, type_: Any) -> Any:
        """Give a moment as what a clock of the project shows; a wall clock as a value where ISO texts are not read."""
        if moment.tzinfo:
            zone = UTC if type_ == _MYSQL_TIMESTAMP else self._connection.info.get(ZONE, UTC)
            return moment.astimezone(zone).replace(tzinfo=None)
        return moment if self._connection.dialect.name in _NO_ISO_TEXTS else value

    def _name(self, name: str) -> str:
        """Spell a column of a result as the table's; Firebird and Oracle give capitals."""
        dialect = self._connection.dialect
        return str(dialect.normalize_name(name)) if dialect.requires_name_normalize else str(name)

    @cached_property
    def _zoneless(self) -> dict[str, Any]:
        """Find the date and time columns without a zone, by their type in the driver; asked once a connection."""
        types = _ZONELESS.get(self._connection.dialect.name)
        if types is None:
            return {}
        known: dict[tuple[str, ...], dict[str, Any]] = self._connection.info.setdefault("one_sync_zoneless", {})
        place = (self._table.fullname, *self._table.c.keys())
        if place not in known:
            with self._connection.execute(sa.select(self._table).where(sa.false())) as result:
                described = ((self._name(column[0]), _type(column[1])) for column in result.cursor.description)
                known[place] = {name: type_ for name, type_ in described if type_ in types}
        return known[place]


def _type(code: Any) -> Any:
    """Name a type as the driver does; Oracle's are objects with names."""
    return getattr(code, "name", code) if not isinstance(code, type | int) else code


def _moment(value: Any) -> datetime | None:
    """Read a date and time from a value or an ISO text; None if it is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) else None
