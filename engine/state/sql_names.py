"""How SQL on an object's file names what a source and a mapping name: quoted and prefixed, so that none meets ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def quoted(identifier: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for DuckDB, where it cannot be a parameter."""
    return "'" + text.replace("'", "''") + "'"


def column(name: str) -> str:
    """Name the column that holds a source column; prefixed, so that no source name meets one of ours."""
    return quoted(f"c:{name}")


def reference(name: str) -> str:
    """Name the column that holds the saved values of a reference."""
    return quoted(f"r:{name}")


def bound_table(name: str) -> str:
    """Name the table of the bindings that a reference looks up."""
    return quoted(f"ref:{name}")


def more(expressions: Iterable[str]) -> str:
    """List expressions behind others: each with a comma before it."""
    return "".join(f", {each}" for each in expressions)


def bytes_of(names: Iterable[str]) -> str:
    """Give SQL for the weight of a row in these columns of the source."""
    return " + ".join(["0", *(f"coalesce(strlen({column(name)}), 0)" for name in names)])


def json_array(expressions: Sequence[str]) -> str:
    """Give SQL for the compact JSON array of some texts: the same text as `records.key_text`."""
    return f"cast(to_json([{', '.join(expressions)}]::varchar[]) as varchar)"


def key_of(key: str, part: str) -> str:
    """Give SQL for a key each of whose texts, named `part`, is written by an expression."""
    parts = f"""from_json({key}, '["varchar"]')"""
    return f"cast(to_json(list_transform({parts}, lambda part: {part})) as varchar)"


def unpadded_key(key: str) -> str:
    """Give SQL for a key whose texts have no blanks at their end."""
    return key_of(key, "rtrim(part, ' ')")
