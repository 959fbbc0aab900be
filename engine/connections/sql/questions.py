"""What is asked of a database without writing: a table's columns, whether a statement could run, keys that repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.connections.sql.link import Link
from engine.connections.sql.moment import compiled

_CALL = re.compile(r"(?is)\s*(?:CALL|EXECUTE\s+PROCEDURE|EXEC(?:UTE)?)\s+([\w.$\"`\[\]]+)\s*(\((.*)\))?\s*;?\s*$")
_EXPLAINED = re.compile(r"(?i)\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|REPLACE|WITH|VALUES)\b")
_EXPLAINS = frozenset({"postgresql", "mysql", "mariadb", "sqlite"})
_OPEN_TYPES = frozenset({"42P18", "42P08", "42725", "42804", "42846"})  # of PostgreSQL: a null has no type of its own
_ROUTINES = {  # the fewest and most values that a procedure takes
    "postgresql": """
        SELECT pronargs - pronargdefaults,
            CASE WHEN provariadic <> 0 THEN 1000 ELSE COALESCE(array_length(proallargtypes, 1), pronargs) END
        FROM pg_catalog.pg_proc WHERE prokind = 'p' AND proname = :name AND (CASE WHEN CAST(:schema AS text) = ''
            THEN pg_catalog.pg_function_is_visible(oid) ELSE pronamespace::regnamespace::text = :schema END)""",
    "mysql": """
        SELECT COUNT(p.ordinal_position), COUNT(p.ordinal_position) FROM information_schema.routines r
        LEFT JOIN information_schema.parameters p ON p.specific_schema = r.routine_schema
            AND p.specific_name = r.specific_name AND p.routine_type = 'PROCEDURE'
        WHERE r.routine_type = 'PROCEDURE' AND r.routine_name = :name
            AND r.routine_schema = COALESCE(NULLIF(:schema, ''), DATABASE()) GROUP BY r.specific_name""",
    "mssql": """
        SELECT 0, 1000 WHERE OBJECT_ID(CASE WHEN :schema = '' THEN :name ELSE :schema + '.' + :name END) IS NOT NULL""",
}
_ROUTINES["mariadb"] = _ROUTINES["mysql"]
_COMPARED = {  # a key as it is compared by us: to the letter, whatever the collation
    "mysql": "CAST({} AS BINARY)",
    "mariadb": "CAST({} AS BINARY)",
    "mssql": "CAST({} AS VARBINARY(900))",
}


def missing_columns(link: Link, name: str, wanted: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Name what a table lacks of these columns, and all that it has. Raises RunError where there is no table."""
    found = _table_columns(link, name)
    if link.connection.dialect.name == "postgresql":  # what we write is quoted, and means its letters
        return [each for each in wanted if each not in found], found
    known = set(map(str.casefold, found))
    return [each for each in wanted if each.casefold() not in known], found


def _table_columns(link: Link, name: str) -> tuple[str, ...]:
    schema, _, table = name.rpartition(".")

    def ask() -> tuple[str, ...]:
        found = sa.table(table, schema=schema or None)
        with link.connection.execute(sa.select(sa.text("*")).select_from(found).where(sa.false())) as result:
            return tuple(result.keys())

    return link.call(ask)


def fault_of_statement(link: Link, sql: str, params: Sequence[str]) -> str | None:
    """Say what a statement calls that there is not; None also where the database cannot tell without doing it.

    Raises RunError with the database's own words.
    """
    dialect, call = link.connection.dialect, _CALL.match(sql)
    if dialect.name == "firebird":
        _ = link.call(lambda: link.connection.connection.cursor().prepare(_statement(dialect, sql, params)[0]))
    elif dialect.name == "oracle":
        link.call(lambda: link.connection.connection.cursor().parse(_statement(dialect, sql, params)[0]))
    elif call and dialect.name in _ROUTINES:
        return _fault_of_call(link, call)
    elif dialect.name in _EXPLAINS and _EXPLAINED.match(sql):
        _explain(link, sql, params)
    return None


def repeated_keys(
    link: Link, query: str, params: Mapping[str, Any], key: Sequence[str], *, most: int
) -> list[tuple[Any, ...]]:
    """Give some keys that stand more than once in what a query gives, and how often each does."""
    dialect = link.connection.dialect
    names = [dialect.identifier_preparer.quote(name) for name in key]
    compared = [_COMPARED.get(dialect.name, "{}").format(name) for name in names]
    chosen = names if compared == names else [f"MIN({name})" for name in names]
    counted = (
        f"SELECT {', '.join(chosen)}, COUNT(*) FROM (\n{query.strip().rstrip(';')}\n) one_sync "
        f"GROUP BY {', '.join(compared)} HAVING COUNT(*) > 1"
    )

    def ask() -> list[tuple[Any, ...]]:
        cursor: Any = link.connection.connection.cursor()
        cursor.execute(*compiled(dialect, counted, params))
        return list(map(tuple, cursor.fetchmany(most)))

    return link.call(ask)


def _statement(dialect: sa.Dialect, sql: str, params: Sequence[str]) -> tuple[str, Any]:
    return compiled(dialect, sql, dict.fromkeys(params))


def _explain(link: Link, sql: str, params: Sequence[str]) -> None:
    """Let the database plan a statement; what it says of a null's type says nothing of the statement."""

    def explain() -> None:
        cursor: Any = link.connection.connection.cursor()
        try:
            cursor.execute(*_statement(link.connection.dialect, f"EXPLAIN {sql}", params))
        except link.connection.dialect.loaded_dbapi.Error as error:
            if getattr(error, "sqlstate", None) not in _OPEN_TYPES:
                raise

    link.call(explain)


def _fault_of_call(link: Link, call: re.Match[str]) -> str | None:
    dialect = link.connection.dialect
    schema, _, name = re.sub(r"[\"`\[\]]", "", call[1]).rpartition(".")
    if dialect.name == "postgresql" and '"' not in call[1]:
        schema, name = schema.lower(), name.lower()

    def ask() -> list[Any]:
        asked = sa.text(_ROUTINES[dialect.name].replace("::", "\\:\\:"))
        return list(link.connection.execute(asked, {"name": name, "schema": schema}))

    found, given = link.call(ask), _count(call[3] or "")
    if not found:
        return f"the database has no procedure {name} that this login may call"
    if any(least <= given <= most for least, most in found):
        return None
    return f"the procedure {name} takes {found[0][1]} values, and {given} are given"


def _count(arguments: str) -> int:
    """Count the values between parentheses."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", arguments)
    while bare != (inner := re.sub(r"\([^()]*\)", "", bare)):
        bare = inner
    return bare.count(",") + 1 if bare.strip() else 0
