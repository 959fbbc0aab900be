"""Files as a hostile row names them and a local user places them, and the files that the program makes itself."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from engine.connections.files.stream import FileChangedError, streamed
from engine.inspect.security_warnings import exposures
from engine.mapping.program.private_files import PrivateFiles
from engine.mapping.program.record_files import FileFault, FileSet, locate, look, require_root
from engine.run.app import App
from engine.templates import compile_value
from engine.values import ConfigError, SourceError
from engine.values.exchanges import FileBody
from world.project import world

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    before = os.umask(0)  # the most careless there is
    yield
    os.umask(before)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of documents beside what is no document."""
    root = tmp_path / "documents"
    (root / "deep").mkdir(parents=True)
    (root / "a.pdf").write_bytes(b"content")
    (root / "inside.pdf").symlink_to("a.pdf")
    (root / "outside.pdf").symlink_to("../secret")
    (root / "folder.pdf").symlink_to("..")
    (root / "circle.pdf").symlink_to("circle.pdf")
    os.mkfifo(root / "pipe.pdf")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    (tmp_path / "secret").write_text("secret")
    (tmp_path / ".env").write_text("KEY=secret\n")
    return root


def files(root: Path, *, below: Path | None = None) -> FileSet:
    project = root.parent
    private = PrivateFiles(folder=project, state=project / "state", named=(project / "keys" / "key",))
    path = compile_value("{{ path }}", timezone=UTC)
    return FileSet(root=below or root, private=private, paths={"pdf": path})


def hashed(files: FileSet, path: str) -> str:
    return look(locate(files, "pdf", {"path": path}), None).sha256


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/passwd",
        "deep/../../secret",
        "outside.pdf",
        "folder.pdf/secret",
        "circle.pdf",
        "nowhere.pdf",
        "",
        "deep",
        "a.pdf/x",
        "a.pdf\0",
        "x" * 5000,
        "pipe.pdf",
        "socket",
        "/dev/zero",
        "/dev/stdin",
        "/proc/self/environ",
    ],
)
def test_a_path_of_a_row_leads_to_no_file_outside_of_the_root_and_to_plain_files_alone(root: Path, path: str) -> None:
    with pytest.raises(FileFault):
        hashed(files(root), path)


@pytest.mark.parametrize("path", ["a.pdf", "deep/../a.pdf", "./a.pdf", "inside.pdf"])
def test_a_file_inside_of_the_root_is_read(root: Path, path: str) -> None:
    assert hashed(files(root), path) == hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/environ",
        "/proc/self/cwd/../../proc/1/environ",
        "/sys/kernel/notes",
        "/dev/zero",
        "/dev/tty",
        "documents/pipe.pdf",
        "documents/deep",
    ],
)
def test_what_the_system_tells_is_no_content_whatever_the_root(root: Path, path: str) -> None:
    with pytest.raises(FileFault):
        hashed(files(root, below=Path("/")), str(root.parent / path))


OWN = (
    ".env",
    ".env.old",
    "project.yaml",
    "papers.yaml",
    "snapshots/papers.json",
    "schemas/payloads/paper.schema.json",
    "state/journal.sqlite",
    "state/papers.duckdb",
    "keys/key",
    ".git/config",
)


HOLDING_SECRETS = tuple(own for own in OWN if not own.startswith((".git", "snapshots", "schemas")))


@pytest.mark.parametrize(
    ("own", "way"),
    [
        *((own, way) for own in OWN for way in ("by its path", "by a link")),
        *((own, "by a hard link") for own in HOLDING_SECRETS),
    ],
)
def test_what_is_the_project_s_own_is_no_content_where_the_root_is_its_folder(root: Path, own: str, way: str) -> None:
    project = root.parent
    path = project / own
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("secret")
    name = f"documents/{path.name}.pdf"
    match way:
        case "by its path":
            name = own
        case "by a link":
            (project / name).symlink_to(path)
        case "by a hard link":
            (project / name).hardlink_to(path)

    with pytest.raises(FileFault, match="no record's file"):
        hashed(files(root, below=project), name)


def test_documents_in_the_project_s_folder_are_content_also_where_they_are_hard_links(root: Path) -> None:
    (root / "twice.pdf").hardlink_to(root / "a.pdf")

    found = {hashed(files(root, below=root.parent), f"documents/{name}") for name in ("a.pdf", "twice.pdf")}

    assert found == {hashlib.sha256(b"content").hexdigest()}


def test_a_root_that_is_not_there_or_is_the_whole_machine_fails_the_object(root: Path) -> None:
    with pytest.raises(SourceError, match="is not there: mount or create it"):
        require_root(files(root, below=root / "nowhere"))
    with pytest.raises(SourceError, match="is no folder"):
        require_root(files(root, below=root / "a.pdf"))
    with pytest.raises(SourceError, match="is the whole machine"):
        require_root(files(root, below=Path("/")))


@pytest.mark.parametrize("become", ["a link", "a pipe", "other content", "nothing"])
def test_a_file_that_is_exchanged_between_comparing_and_sending_is_not_sent(root: Path, become: str) -> None:
    path = root / "a.pdf"
    body = FileBody(path=str(path), sha256=hashed(files(root), "a.pdf"))
    path.unlink()
    match become:
        case "a link":
            path.symlink_to(root.parent / "secret")
        case "a pipe":
            os.mkfifo(path)
        case "other content":
            path.write_bytes(b"another")

    sent = []
    with pytest.raises(FileChangedError):
        sent.extend(streamed(body))

    assert sent == []


# --- what the program makes ------------------------------------------------------------------------------------


def test_the_files_of_the_state_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.put("item", ("W1", "A", 5))
        it.run("items")
        (it.state / "clients.duckdb").write_bytes(b"no DuckDB file at all" * 1000)
        it.put("client", ("C1", "Anna"))
        it.run("clients")
        with it.journal():
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in it.state.rglob("*")}

    assert {"journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "items.duckdb"} <= modes.keys()
    assert any(".damaged-" in name for name in modes)
    damaged = {name for name in modes if ".damaged-" in name}  # it was there before, with the rights it had
    assert {name: oct(mode) for name, mode in modes.items() if name not in damaged and mode & 0o077} == {}
    assert stat.S_IMODE(it.state.stat().st_mode) & 0o077 == 0


LOOKING = """
import os, sys, tempfile
from pathlib import Path
from engine.state.staging import Staging
os.umask(0)
with Staging.copy(Path(sys.argv[1]), wait_seconds=0) as staging:
    staging.run("create table big as select range as n from range(100000)")
    folder = staging.path.parent
    print(oct(folder.stat().st_mode & 0o777), folder.parent == Path(tempfile.gettempdir()))
"""


def test_the_copy_of_a_dry_command_lies_in_a_folder_that_nobody_else_can_open(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOKING, str(tmp_path / "x.duckdb")],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "0o700 True\n"


# --- what lies open ----------------------------------------------------------------------------------------------

PROJECT = """
timezone: Europe/Warsaw
connections:
  erp: {{type: sql, url: "sqlite:///erp.sqlite"}}
  one: {{type: http, base_url: "{base_url}", headers: {{ApiAuth: "${{KEY}}"}}}}
{more}
"""
PAPERS = """
object: papers
source: {connection: erp, query: "SELECT id, path FROM paper", key: [id]}
fields: {id: "{{ id }}"}
files: {pdf: "{{ path }}"}
send:
  - on: [added, changed]
    request: {method: PUT, path: "/papers/{{ id | path }}", file: pdf}
"""


@pytest.mark.parametrize(
    ("base_url", "mode", "more", "codes"),
    [
        ("https://one.example", 0o600, "files_root: documents", []),
        ("http://localhost:8700", 0o600, "files_root: documents", []),
        ("http://[::1]:8700", 0o600, "files_root: documents", []),
        ("http://one.example", 0o600, "files_root: documents", ["E_CLEAR_TEXT"]),
        ("http://127.0.0.1.one.example", 0o600, "files_root: documents", ["E_CLEAR_TEXT"]),
        ("https://one.example", 0o644, "files_root: documents", ["E_OPEN_ENV"]),
        ("http://10.0.0.1", 0o640, "files_root: documents", ["E_OPEN_ENV", "E_CLEAR_TEXT"]),
    ],
)
def test_what_lies_open_is_told(tmp_path: Path, base_url: str, mode: int, more: str, codes: list[str]) -> None:
    (tmp_path / "project.yaml").write_text(PROJECT.format(base_url=base_url, more=more))
    (tmp_path / "papers.yaml").write_text(PAPERS)
    (tmp_path / ".env").write_text("KEY=secret\n")
    (tmp_path / ".env").chmod(mode)

    app = App(tmp_path, {})

    assert [problem.code for problem in exposures(app, app.loaded.mappings.values())] == codes


def test_files_need_a_root(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(PROJECT.format(base_url="https://one.example", more=""))
    (tmp_path / "papers.yaml").write_text(PAPERS)

    with pytest.raises(ConfigError) as caught:
        App(tmp_path, {})

    [problem] = caught.value.problems
    assert (problem.code, problem.place and problem.place.line) == ("E_ANY_FILE", 5)


def test_a_root_that_is_gone_fails_the_object_and_not_each_record(tmp_path: Path) -> None:
    with world(tmp_path, "docs") as it:
        it.edit("project", ("files_root: .", "files_root: nowhere"))
        it.put("doc", ("1", "a.pdf"))
        counts = it.run("docs")

    assert (it.code, counts.get("rejected", 0)) == ("E_FILES_ROOT", 0)
