"""`carry`: takes what is known of an object over to its new name, or of its records over to their new keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.connections import differing
from engine.mapping import MappingSpec
from engine.operate.hold import held
from engine.run import App
from engine.source import Source
from engine.state import (
    Ledger,
    OtherKeys,
    Staging,
    check_pair,
    ends_changed,
    files_translated,
    find_other_keys,
    load_journal,
    recover,
)
from engine.state.journal import FILE_NAME, Journal, other_names
from engine.values import ConfigError, quoted, suggestion

DRY_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was carried over, or would be."""

    records: int
    left: int = 0  # records that are known, and that the source does not give any more
    example: tuple[str, str] | None = None  # an old key and the new one


# --- to another name -------------------------------------------------------------------------------------------


def carry_name(app: App, old: str, mapping: MappingSpec, *, dry: bool = False) -> Carried:
    """Take all that is known of an object over to the name that it has now; with `dry` only say what that is.

    A carry that was killed is finished by another one.

    Raises:
        ConfigError: the old name is one of the project's objects, nothing is known of it, it speaks of other ends, or
            records are known under the new name already; nothing was done.
        BusyError: a run holds one of the two; nothing was done.
    """
    new = mapping.object
    if old in app.loaded.mappings or old in app.loaded.blocked:
        raise _refused(f"{old} is an object of this project: what is known of it stays with it")
    if dry or not (app.state / FILE_NAME).exists():
        with app.journal() as journal:
            return _named(app, journal, old, mapping)
    with held(app, old) as ledger_before, _held_for_good(app, new), app.journal_to_write() as journal:
        carried = _named(app, journal, old, mapping)
        if ledger_before is not None and old in other_names.known_objects(journal):
            check_pair(Ledger(ledger_before), journal, old)
            recover(Ledger(ledger_before), journal, old, journal.now())
        if old in other_names.known_objects(journal):
            other_names.rename_object(journal, old, new)
        if ledger_before is not None:
            ledger_before.close()
            _move(app.state, old, new)
    return carried


def _named(app: App, journal: Journal, old: str, mapping: MappingSpec) -> Carried:
    """Say what would be carried over to a new name."""
    new, known = mapping.object, other_names.known_objects(journal)
    half_way = old not in known and new in known and (app.state / f"{old}.duckdb").exists()
    if old not in known and not half_way:
        gone = [each for each in known if each not in {*app.loaded.mappings, *app.loaded.blocked}]
        others = f"of objects that left the project it knows {quoted(gone)}" if gone else "no object left the project"
        raise _refused(f"the journal knows nothing of {old}: {others}")
    if not half_way:
        _check_free(journal, old, new)
        if differing(journal.ends.of(old), app.ends_of(mapping)):
            raise _refused(f"{ends_changed(journal, old, app.ends_of(mapping))}: {new} is another object")
    return Carried(records=sum(1 for _ in journal.bindings.of(new if half_way else old)))


def _check_free(journal: Journal, old: str, new: str) -> None:
    known = sum(1 for _ in journal.bindings.of(new)) + len(journal.claims.of(new)) + len(journal.progress.of(new))
    if known:
        raise _refused(
            f"{new} knows {known} records of its own by now, which the records of {old} would replace. If they were "
            f"created a second time, remove them at the target and `one-sync forget {new} KEY` each, then carry"
        )


@contextmanager
def _held_for_good(app: App, object_: str) -> Iterator[None]:
    """Hold an object's file, also where there was none, so that no run of it begins."""
    app.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = app.state / f"{object_}.duckdb"
    staging = Staging.open(path, scratch=app.state, wait_seconds=app.busy_wait_seconds)
    try:
        if not Ledger(staging).is_confirming_nothing:
            raise _refused(f"{object_} has a ledger of its own already, with records that were confirmed")
        yield
    finally:
        staging.close()


def _move(state: Path, old: str, new: str) -> None:
    """Put a file, which is closed, into the place of another."""
    before = state / f"{old}.duckdb"
    with files_translated(before):
        before.replace(state / f"{new}.duckdb")


# --- to other keys ---------------------------------------------------------------------------------------------


def carry_keys(app: App, mapping: MappingSpec, columns: Sequence[str], *, dry: bool = False) -> Carried:
    """Take what is known of records over to the keys that the source gives them now; with `dry` only say of how many.

    `columns` of the source hold the parts of the key by which they are known.

    Raises:
        ConfigError: there are no such columns, or no known keys in them, or a key would be two records', or one of
            which something is known already; nothing was done.
        BusyError: a run holds the object; nothing was done.
        SourceError: the source could not be read; nothing was done.
    """
    if mapping.source.gives_events:
        raise _refused(f"{mapping.object} reads a feed, whose records cannot be asked for by other keys")
    path = app.state / f"{mapping.object}.duckdb"
    with app.source(app.program(mapping)) as source:
        if dry or not path.exists():
            with app.journal() as journal, Staging.copy(path, wait_seconds=DRY_WAIT_SECONDS) as staging:
                return _carried(_found(mapping, source, staging, journal, columns), journal, mapping)
        with held(app, mapping.object) as kept, app.journal_to_write() as journal:
            if kept is None:
                raise _refused(f"the ledger of {mapping.object} is damaged: run it once, which rebuilds it")
            check_pair(Ledger(kept), journal, mapping.object)
            recover(Ledger(kept), journal, mapping.object, journal.now())
            found = _found(mapping, source, kept, journal, columns)
            carried = _carried(found, journal, mapping)
            Ledger(kept).rekey()  # first: what is bound and not held by the ledger is never removed
            other_names.rename_keys(journal, mapping.object, found.pairs)
            journal.runs.start_over(mapping.object)
            return carried


def _found(
    mapping: MappingSpec, source: Source, staging: Staging, journal: Journal, columns: Sequence[str]
) -> OtherKeys:
    """Read the source and find its records that are known under the keys in these columns."""
    for read in source.reads(staging, journal, whole=True):
        staging.stage(read.batches, mapping.source.key)
    if unknown := [name for name in columns if name not in staging.columns]:
        raise _refused(
            f"the source of {mapping.object} has no column {quoted(unknown)}{suggestion(unknown[0], staging.columns)}; "
            "let the query give the old key as a column"
        )
    load_journal(staging, journal, mapping.object, refs={}, retry_after_hours=0)
    found = find_other_keys(staging, columns)
    if not found.pairs:
        raise _refused(
            f"no record of {mapping.object} is known under the key in {quoted(columns)}: name the columns that held "
            "the key when the records were sent, in the order of that key"
        )
    if found.doubled:
        old, one, other = found.doubled
        raise _refused(f"{old} would be both {one} and {other}: the columns have to give each record a key of its own")
    if found.taken:
        raise _refused(
            f"{len(found.taken)} records, as {found.taken[0]}, are known under their new keys already: "
            "if they were created a second time, remove them at the target and `one-sync forget` them first"
        )
    return found


def _carried(found: OtherKeys, journal: Journal, mapping: MappingSpec) -> Carried:
    gone = {key for key, _ in journal.bindings.of(mapping.object)} - {old for old, _ in found.pairs}
    return Carried(records=len(found.pairs), left=len(gone), example=found.pairs[0])


def _refused(message: str) -> ConfigError:
    return ConfigError(f"{message}; nothing was carried over", code="E_CARRY")
