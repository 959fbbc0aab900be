"""What may happen to the state folder: full disks, missing rights, damaged, stale and foreign files, wrong clocks.

Each time: one sentence with the way back, nothing lost, and after the remedy a run makes both sides equal.
A full disk is a limit on the size of files (RLIMIT_FSIZE), which binds root as well and needs no rights to set.
"""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.inspect.plan import plan
from engine.operate.adopt import adopt
from engine.operate.resend import resend
from engine.run.app import utc_now
from engine.state.journal.sqlite_file import FILE_NAME
from engine.values.errors import OneSyncError, StateError
from world.deaths import Crash, Fuse, bring_back, photograph, seam
from world.project import World, world
from world.wire import Reply

LOCK = """
import sqlite3, sys
journal = sqlite3.connect(sys.argv[1], isolation_level=None)
journal.execute("begin immediate")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as it:
        yield it


def fails(it: World, name: str) -> StateError:
    """Run an object whose state cannot be used; give the error, whether it ended the run or is in its result."""
    try:
        it.run(name)
    except StateError as error:
        return error
    assert it.last is not None
    assert it.last.failure is not None
    assert it.last.failure.exit == StateError.exit
    return StateError(it.last.failure.message, code=it.last.failure.code)


def check_equal(it: World, *names: str) -> None:
    """Run objects until nothing is left, and compare both sides; `names` finds a client that was created twice."""
    for name in names:
        it.quiet(name)
    if "items" in names:
        check_items(it)
    if "clients" in names:
        assert it.platform.names() == dict(it.sql("SELECT id, name FROM client"))


def check_items(it: World) -> None:
    wanted: dict[str, dict[str, Any]] = {}
    for group, id_, value in it.sql("SELECT grp, id, value FROM item"):
        wanted.setdefault(group, {})[id_] = value
    assert {group: held for group, held in it.platform.items.items() if held} == wanted


def fill(it: World, value: str, *, clients: int = 12, items: int = 400) -> None:
    it.put("client", *[(f"k{number:03}", f"{value} {number}") for number in range(clients)])
    it.put("item", *[(f"W{number % 3}", f"{number:04}", f"{value} {number * 7919}") for number in range(items)])


def backup(it: World, to: Path) -> None:
    """Copy the journal as SQLite's own backup does, also during a run."""
    with closing(sqlite3.connect(it.state / FILE_NAME)) as journal, closing(sqlite3.connect(to)) as copy:
        journal.backup(copy)


def restore(it: World, from_: Path) -> None:
    lose_journal(it)
    shutil.copy(from_, it.state / FILE_NAME)


def lose_journal(it: World) -> None:
    for path in it.state.glob(f"{FILE_NAME}*"):
        path.unlink()


def adopt_objects(it: World, *names: str) -> None:
    for mapping in it.app.loaded.select(names):
        assert adopt(it.app, mapping).failure is None


# --- full disks ----------------------------------------------------------------------------------------------


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: the write fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("loaded", [False, True], ids=["first load", "changes"])
@pytest.mark.parametrize("name", ["items", "clients"])
def test_a_disk_that_is_full_at_any_moment_loses_and_doubles_nothing(it: World, name: str, loaded: bool) -> None:
    fill(it, "old")
    if loaded:
        it.run(name)
    codes = set()
    for number, size in enumerate([0, 4_000, 12_000, *range(20_000, 620_000, 100_000)]):
        fill(it, f"new {number}")
        with files_of_at_most(size):
            try:
                it.run(name)
                codes.add(it.code)
            except OneSyncError as error:
                codes.add(error.code)
                assert "free" in error.message
        assert list(it.state.glob("*damaged*")) == []
    it.run(name)

    assert codes <= {None, "E_JOURNAL", "E_STAGING", "E_STATE"}
    assert len(codes) > 1
    assert it.code is None
    check_equal(it, name)


def test_a_disk_without_room_for_a_new_ledger_is_not_taken_for_a_damaged_one(it: World) -> None:
    fill(it, "old", clients=1, items=9)
    it.run("clients")
    with it.journal(), files_of_at_most(12_000):  # its shared memory is there, and its next notes are shorter
        error = fails(it, "items")
    aside = list(it.state.glob("*damaged*"))

    assert (error.code, aside) == ("E_STATE", [])
    assert "free space" in error.message
    check_equal(it, "items")


def test_with_too_few_open_files_nothing_is_lost(it: World) -> None:
    fill(it, "old", clients=3, items=9)
    it.run("clients")
    fill(it, "new", clients=3, items=9)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = {int(path.name) for path in Path("/proc/self/fd").iterdir()}
    free = [number for number in range(before[0]) if number not in used]
    messages = []
    for more in range(1, 34, 2):
        resource.setrlimit(resource.RLIMIT_NOFILE, (free[more], before[1]))
        try:
            it.run("clients")
            messages.append(it.last.failure.message if it.last and it.last.failure else "")
        except OneSyncError as error:
            messages.append(error.message)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert any("ulimit -n" in message for message in messages), messages
    assert list(it.state.glob("*damaged*")) == []
    check_equal(it, "clients")


def test_a_disk_that_fills_while_requests_are_under_way_creates_nobody_twice(it: World) -> None:
    fill(it, "old", clients=30, items=0)
    with files_of_at_most(2**40):
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

        def full(seen: Any) -> None:
            if "k020" in seen.body.decode():
                size = (it.state / f"{FILE_NAME}-wal").stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit))

        it.platform.rule = full
        error = fails(it, "clients")
        it.platform.rule = lambda seen: None

    assert error.code == "E_JOURNAL"
    assert f"{it.state / FILE_NAME}: " in error.message
    assert "free some space there" in error.message
    assert it.platform.created["k020"] == 1
    check_equal(it, "clients")


def test_the_disk_of_the_erp_may_be_full_while_letters_arrive(it: World) -> None:
    it.sql("CREATE TABLE ballast (data)", "INSERT INTO ballast VALUES (zeroblob(8000000))")
    texts = [{"number": number, "text": "x" * 2_000} for number in range(40)]
    for id_ in ("l1", "l2", "l3"):
        it.platform.write(id_, {"id": id_, "subject": id_, "lines": texts})
    with files_of_at_most(6_000_000):  # the ERP alone is larger
        it.run("letters")
        code, message = it.code, it.last.failure.message if it.last and it.last.failure else ""
    it.run("letters")

    assert code in ("E_LOST", "E_NOT_CONFIRMED"), message
    assert it.code is None
    assert it.sql("SELECT id FROM letter ORDER BY id") == [("l1",), ("l2",), ("l3",)]
    assert it.sql("SELECT count(*) FROM letter_line") == [(120,)]
    assert it.rejected("letters") == {}


def test_a_dry_command_without_room_for_its_copy_names_the_folder(it: World) -> None:
    fill(it, "old")
    it.run("items")
    [mapping] = it.app.loaded.select(["items"])
    with files_of_at_most(40_000):  # less than the ledger, more than SQLite's shared memory
        failure = plan(it.app, mapping).failure

    assert failure is not None
    assert failure.code == "E_STATE"
    assert "TMPDIR names another folder" in failure.message


# --- rights --------------------------------------------------------------------------------------------------


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user whom rights bind, which root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(it: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Let everybody reach the project's folder, and the state be where all may create it."""
    for path in (it.folder, *it.folder.parents):
        if path.stat().st_uid == os.geteuid() and path.is_relative_to(Path("/tmp")):
            path.chmod(path.stat().st_mode | 0o755)
    return it


RIGHTS: dict[str, Callable[[Path], None]] = {
    "a folder that nobody may write": lambda state: _modes(state, 0o555, 0o444),
    "a folder that nobody may enter": lambda state: _modes(state, 0o600, 0o600),
    "files of another owner": lambda state: _modes(state, 0o777, 0o600),
}


def _modes(state: Path, folder: int, files: int) -> None:
    for path in state.iterdir():
        path.chmod(files)
    state.chmod(folder)


@pytest.mark.parametrize("case", RIGHTS)
def test_state_that_may_not_be_used_sends_nothing_and_says_who_has_to_be_let_in(open_folder: World, case: str) -> None:
    it = open_folder
    fill(it, "old")
    it.run("clients")
    fill(it, "new")
    it.platform.take()
    if os.geteuid() != 0 and case == "files of another owner":
        pytest.skip("nobody but root can give files to another user")
    RIGHTS[case](it.state)
    with as_nobody():
        error = fails(it, "clients")
        [mapping] = it.app.loaded.select(["clients"])
        failure = plan(it.app, mapping).failure
    _modes_back(it.state)

    assert error.code == "E_JOURNAL"
    assert error.message.endswith(
        "nothing more is sent until it can be used: let the user that runs one-sync read and write the folder and its "
        "files, and run again"
    )
    assert failure is not None
    assert (failure.code, failure.exit) == ("E_JOURNAL", 1)
    assert it.platform.take() == []
    check_equal(it, "clients")


def _modes_back(state: Path) -> None:
    state.chmod(0o700)
    for path in state.iterdir():
        path.chmod(0o600)


def test_a_state_folder_that_is_a_file_is_named(it: World) -> None:
    it.state.write_text("no folder")

    error = fails(it, "items")

    assert (error.code, error.message) == (
        "E_JOURNAL",
        f"{it.state / FILE_NAME}: {it.state} is no folder; nothing more is sent until it can be used: "
        "name a folder as `state` in project.yaml",
    )


# --- a stuck process -------------------------------------------------------------------------------------------


@contextmanager
def locked(it: World) -> Iterator[None]:
    """Let another process hold the journal's lock and do nothing."""
    words = [sys.executable, "-c", LOCK, str(it.state / FILE_NAME)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.stdin.close()


@pytest.mark.parametrize("when", ["before the run", "while a request is under way"])
def test_a_process_that_keeps_the_journal_locked_ends_the_run_with_its_remedy(
    it: World, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.state.journal.sqlite_file.LOCK_WAIT_SECONDS", 0.3)
    fill(it, "old")
    it.run("clients")
    it.put("client", *[(f"n{number}", "new") for number in range(4)])
    it.platform.take()
    holding = locked(it)
    if when == "before the run":
        holding.__enter__()
    else:
        it.platform.rule = lambda seen: holding.__enter__() if b"n2" in seen.body else None
    error = fails(it, "clients")
    sent = it.platform.take()
    holding.__exit__(None, None, None)
    it.platform.rule = lambda seen: None

    assert error.code == "E_JOURNAL"
    assert error.message == (
        f"{it.state / FILE_NAME}: database is locked; nothing more is sent until it can be used: another process holds "
        "it; `fuser -v` on the file names it: end that process, and run again"
    )
    assert (sent == []) is (when == "before the run")
    check_equal(it, "clients")


# --- damaged journals ------------------------------------------------------------------------------------------

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda whole: b"nothing of SQLite" * 1000,
    "no byte": lambda whole: b"",
    "its first page": lambda whole: whole[:4096],
    "a half": lambda whole: whole[: len(whole) // 2],
    "a page overwritten": lambda whole: whole[:8192] + b"\xff" * 4096 + whole[12288:],
}


@pytest.mark.parametrize(
    ("damage", "way_back"),
    [*((damage, "restored") for damage in DAMAGES), ("garbage", "adopted"), ("no byte", "adopted")],
)
def test_a_damaged_journal_sends_nothing_until_it_is_restored_or_adopted(it: World, damage: str, way_back: str) -> None:
    fill(it, "old", items=0)
    it.run("clients")
    with it.journal() as journal:
        journal.file.rows("pragma wal_checkpoint(truncate)")
    whole = (it.state / FILE_NAME).read_bytes()
    lose_journal(it)
    (it.state / FILE_NAME).write_bytes(DAMAGES[damage](whole))
    fill(it, "new", items=0)
    it.platform.take()

    errors = [fails(it, "clients"), fails(it, "clients")]
    sent = it.platform.take()
    lose_journal(it)
    if way_back == "restored":
        (it.state / FILE_NAME).write_bytes(whole)
    else:
        fill(it, "old", items=0)
        adopt_objects(it, "clients")
        fill(it, "new", items=0)

    assert {error.code for error in errors} <= {"E_JOURNAL", "E_JOURNAL_BEHIND"}
    assert all("one-sync adopt" in error.message for error in errors)
    assert sent == []
    check_equal(it, "clients")


# --- stale and foreign files -----------------------------------------------------------------------------------


def test_a_journal_kept_during_a_run_is_known_to_be_behind_and_nobody_is_created_twice(it: World) -> None:
    """A journal from the middle of a run looks like a kill; what was sent after it was kept must not be forgotten."""
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    copies = it.folder / "copies"
    copies.mkdir()

    def keep(seen: Any) -> Reply | None:
        backup(it, copies / str(len(list(copies.iterdir()))))
        if seen.method == "GET":
            return Reply(status=500)
        return None

    it.platform.rule = lambda seen: keep(seen) or ("after" if b"k4" in seen.body else None)
    it.put("client", *[(f"k{number}", "Ola") for number in range(1, 6)])
    it.run("clients")
    it.platform.rule = lambda seen: None
    whole = it.folder / "whole"
    shutil.copytree(it.state, whole)
    platform = dict(it.platform.clients)
    kept = sorted(copies.iterdir(), key=lambda path: int(path.name))
    assert len(kept) >= 6
    for copy in kept[::2]:
        shutil.rmtree(it.state)
        shutil.copytree(whole, it.state)
        it.platform.clients = dict(platform)
        restore(it, copy)
        it.platform.take()

        assert fails(it, "clients").code == "E_JOURNAL_BEHIND"
        assert it.platform.take() == []
        adopt_objects(it, "clients")
        check_equal(it, "clients")


def test_a_journal_from_before_a_run_that_was_killed_is_known_to_be_behind(it: World) -> None:
    """What the killed run sent is marked in the lost journal alone: the source may have gone back since."""
    it.put("item", ("W1", "A", "old"), ("W1", "B", "old"))
    it.run("items")
    before, dead = it.folder / "before.sqlite", it.folder / "dead"
    backup(it, before)
    found = set()
    fuse = Fuse(on_crash=lambda: photograph(dead, it.state))
    for at in range(1, 60, 5):
        it.put("item", ("W1", "A", "new"), ("W1", "B", "old"))
        with seam(fuse, it.state):
            fuse.burn(at)
            with suppress(Crash):
                it.run("items")
                break
        bring_back(dead, it.state)
        restore(it, before)
        it.put("item", ("W1", "A", "old"), ("W1", "B", "old"))
        it.run("items")
        found.add(it.code)
        if it.code:
            adopt_objects(it, "items")
            [mapping] = it.app.loaded.select(["items"])
            resend(it.app, mapping)
        check_equal(it, "items")
        it.close()
        backup(it, before)

    assert found == {None, "E_JOURNAL_BEHIND"}


def test_a_journal_kept_while_a_run_was_settled_does_not_know_the_next_run(it: World) -> None:
    """It says that the file may be one settle further: what the file then holds of a later run is unknown to it."""
    kept, dead = it.folder / "kept.sqlite", it.folder / "dead"

    def keep(effect: str) -> None:
        if (it.state / FILE_NAME).exists():
            with it.journal() as journal:
                standing = journal.runs.standing("clients")
            if standing.settling > standing.generation:
                backup(it, kept)

    it.put("client", ("k1", "Ala"))
    with seam(Fuse(on_effect=keep), it.state):
        it.run("clients")
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    fuse = Fuse(on_crash=lambda: photograph(dead, it.state))
    it.platform.rule = lambda seen: fuse.burn(1) if seen.method == "POST" else None  # dies when the answer arrives
    with seam(fuse, it.state), suppress(Crash):
        it.run("clients")
    it.platform.rule = lambda seen: None
    bring_back(dead, it.state)
    restore(it, kept)

    assert fails(it, "clients").code == "E_JOURNAL_BEHIND"
    assert it.platform.created == {"k1": 1, "k2": 1}


def test_a_whole_state_from_an_older_backup_is_right_again_after_adopting_and_resending(it: World) -> None:
    """Nothing in the folder can tell that it is old; the two commands are what an operator has to do."""
    it.put("client", ("k1", "Ala"))
    it.put("item", ("W1", "A", "old"))
    it.run("clients")
    it.run("items")
    shutil.copytree(it.state, it.folder / "backup")
    it.put("client", ("k1", "Iza"), ("k2", "Ola"))
    it.put("item", ("W1", "A", "new"), ("W1", "B", "new"))
    it.run("clients")
    it.run("items")
    shutil.rmtree(it.state)
    shutil.copytree(it.folder / "backup", it.state)
    it.put("item", ("W1", "A", "old"), ("W1", "B", "new"))
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))

    adopt_objects(it, "clients", "items")
    for mapping in it.app.loaded.select(["clients", "items"]):
        resend(it.app, mapping)

    check_equal(it, "items", "clients")


@pytest.mark.parametrize("other", ["ended then", "went on"])
def test_state_copied_while_a_run_was_under_way_goes_on_elsewhere(it: World, other: str) -> None:
    """Both files of one moment are as after a kill; what the other machine did later has to be asked for."""
    fill(it, "old", clients=3, items=4)
    it.run("clients")
    it.run("items")
    it.put("client", *[(f"n{number}", "new") for number in range(5)])
    copy = it.folder / "copy"

    def snapshot(seen: Any) -> Any:
        if b"n2" in seen.body:
            shutil.copytree(it.state, copy, ignore=shutil.ignore_patterns("*-shm", "*.tmp"))
        return "before" if copy.exists() and other == "ended then" else None

    it.platform.rule = snapshot
    it.run("clients")
    it.platform.rule = lambda seen: None
    it.close()
    it.variables["STATE"], it.state = str(copy), copy
    if other == "went on":
        adopt_objects(it, "clients")
        resend(it.app, it.app.loaded.mappings["clients"])

    check_equal(it, "clients")


def _sqlite_file(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table ledger (key)")


def _duckdb_file(path: Path) -> None:
    path.unlink()
    with duckdb.connect(str(path)) as other:
        other.execute("create table ledger (key varchar)")


def _garbage_log(path: Path) -> None:
    path.with_name(f"{path.name}.wal").write_bytes(b"garbage" * 700)


def _cut(length: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, min(length, path.stat().st_size))


SPOILED: dict[str, Callable[[Path], None]] = {
    "a SQLite file": _sqlite_file,
    "a DuckDB file of another program": _duckdb_file,
    **{f"cut to {length} bytes": _cut(length) for length in (0, 100, 12_288, 300_000)},
    "half as long": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a garbage log beside it": _garbage_log,
}


def test_a_spoiled_duckdb_file_is_rebuilt_without_a_person(it: World) -> None:
    fill(it, "old", clients=0, items=3_000)
    it.edit("items", ("chunk_size: 100", "chunk_size: 10000"))
    it.run("items")
    whole = it.folder / "whole"
    shutil.copytree(it.state, whole)
    codes = {}
    for case, spoil in SPOILED.items():
        shutil.rmtree(it.state)
        shutil.copytree(whole, it.state)
        spoil(it.state / "items.duckdb")
        it.run("items")
        codes[case] = it.code
        it.run("items")
        assert it.code is None, case
        assert it.run("items") == {"extracted": 3_000, "unchanged": 3_000}, case

    assert set(codes.values()) <= {None, "E_STATE_DAMAGED"}


def test_a_log_that_lost_its_end_after_a_kill_is_not_believed(it: World) -> None:
    fill(it, "old", clients=0, items=40)
    it.run("items")
    fill(it, "new", clients=0, items=40)
    dead = it.folder / "dead"
    it.platform.rule = lambda seen: photograph(dead, it.state)
    it.run("items")
    it.platform.rule = lambda seen: None
    log = dead / "state" / "items.duckdb.wal"
    size = log.stat().st_size
    assert size
    for length in (0, size // 2, size - 1):
        bring_back(dead, it.state)
        os.truncate(it.state / log.name, length)
        fill(it, "old", clients=0, items=40)  # what the lost changes were made of is gone
        it.run("items")
        assert it.code is None
        check_equal(it, "items")


# --- clocks ------------------------------------------------------------------------------------------------------

AMOUNT_OF_TIME = {"an hour back": timedelta(hours=-1), "a year ahead, and right again": timedelta(days=365)}


@pytest.mark.parametrize("case", AMOUNT_OF_TIME)
def test_a_clock_that_was_wrong_delays_nothing(it: World, case: str) -> None:
    shift = AMOUNT_OF_TIME[case]
    noted, later = max(timedelta(0), shift), min(timedelta(0), shift)
    it.platform.refused = {"bad"}
    it.clock = lambda: datetime.now(UTC) + noted
    it.put("client", ("k1", "Ala"), ("k2", "bad"))
    it.run("clients")
    it.platform.rule = lambda seen: "after" if seen.method == "POST" else 500
    it.put("client", ("k1", "Ala"), ("k2", "bad"), ("k3", "Ela"))
    unknown = it.run("clients")["unknown"]
    it.platform.rule, it.platform.refused = lambda seen: None, set()
    it.clock = lambda: datetime.now(UTC) + later

    it.run("clients")  # at once: the look-up's wait is as long as it ever is

    assert unknown == 1
    assert it.last is not None
    assert it.last.counts.waiting + it.last.counts.unknown == 0
    assert it.rejected("clients") == {}
    check_equal(it, "clients")


def test_a_whole_read_noted_in_the_future_does_not_put_off_the_next_one(it: World) -> None:
    it.edit(
        "items",
        ("query: SELECT grp, id, value FROM item", "query: SELECT grp, id, value FROM item WHERE value > :cursor"),
        ("  key: [grp, id]", "  key: [grp, id]\n  cursor: {column: value, full_every_hours: 24}"),
    )
    it.clock = lambda: datetime.now(UTC) + timedelta(days=365)
    it.put("item", ("W1", "A", "2"), ("W1", "B", "3"))
    it.run("items")
    it.clock = utc_now
    it.put("item", ("W1", "B", "3"))

    it.run("items")

    assert it.platform.items == {"W1": {"B": "3"}}
