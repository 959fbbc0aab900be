"""Carries all that is known of an object over to another name, or of records over to other keys."""

from __future__ import annotations

from collections.abc import Sequence

from engine.state.journal.journal import Journal
from engine.state.journal.sqlite_file import JournalFile

HISTORY = ("runs", "requests")  # of both names it is kept
_PENDING = ">"  # before a key on its way: no key begins so, and one may be on its way to where another one is


def rename_object(journal: Journal, old: str, new: str) -> None:
    """Let all that is noted of an object be of another name; what is noted of that one is dropped, history aside."""
    file = journal.file
    with file.transaction():
        for table in _tables_with(file, "object"):
            if table not in HISTORY:
                file.write(f"delete from {table} where object = ?", new)
            file.write(f"update or replace {table} set object = ?2 where object = ?1", old, new)


def rename_keys(journal: Journal, object_: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Let what is noted of records be of other keys, given as texts; refusals of the old ones are dropped."""
    file = journal.file
    with file.transaction():
        for table in _tables_with(file, "key"):
            if table == "rejections":
                file.write_many(
                    f"delete from {table} where object = ? and key = ?", [(object_, old) for old, _ in pairs]
                )
                continue
            file.write_many(
                f"update {table} set key = ? where object = ? and key = ?",
                [(_PENDING + new, object_, old) for old, new in pairs],
            )
            file.write(f"update {table} set key = substr(key, 2) where object = ? and key like '{_PENDING}%'", object_)


def known_objects(journal: Journal) -> list[str]:
    """List the objects of which anything is noted that a run believes."""
    tables = ("objects", "bindings", "claims", "progress")
    union = " union ".join(f"select object from {table}" for table in tables)
    return [object_ for (object_,) in journal.file.rows(f"{union} order by object")]


def _tables_with(file: JournalFile, column: str) -> list[str]:
    sql = (
        "select m.name from sqlite_master m join pragma_table_info(m.name) c on c.name = ?"
        " where m.type = 'table' order by m.name"
    )
    return [table for (table,) in file.rows(sql, column)]
