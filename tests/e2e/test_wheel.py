"""What `pip install` brings is the whole program: it works where no checkout is, and goes without a trace."""

import os
import shutil
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[2]
SHIPPED = ("mappings", "schemas", "snapshots")
ENDS = {"ERP_URL": "sqlite:///erp", "ONE_BASE_URL": "http://localhost:9", "ONE_API_KEY": "k", "ONE_TENANT": "t"}
LEFT = (".git", *(line.rstrip("/") for line in (CHECKOUT / ".gitignore").read_text().split()))


@dataclass(frozen=True)
class Installed:
    wheel: Path
    venv: Path
    here: Path  # the folder one stands in; no checkout is above it

    @property
    def packages(self) -> Path:
        [found] = self.venv.glob("lib/python*/site-packages")
        return found

    def one_sync(self, *words: str, cwd: Path | None = None, **env: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [self.venv / "bin" / "one-sync", *words],
            cwd=cwd or self.here,
            env=os.environ | env,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def pip(self, *words: str | Path, **env: str) -> None:
        command = [self.venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *words]
        done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel of a copy of the checkout and install it; what it needs comes from the tests' environment."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*LEFT))
    (copy / "mappings" / ".env").write_text("ONE_API_KEY=a-secret-of-somebody\n")
    (copy / "mappings" / ".one-sync").mkdir()
    (copy / "mappings" / ".one-sync" / "journal.sqlite").touch()
    made = Installed(folder / "built" / "one_sync-0.1.0-py3-none-any.whl", folder / "venv", folder / "here")
    made.here.mkdir()
    venv.create(made.venv, with_pip=True, symlinks=True)
    needed = sysconfig.get_path("purelib")
    offline = ("--no-deps", "--no-index")
    made.pip("wheel", *offline, "--no-build-isolation", "-w", made.wheel.parent, copy, PYTHONPATH=needed)
    made.pip("install", *offline, made.wheel)
    (made.packages / "needed.pth").write_text(needed)  # a path alone: the editable install in it is not followed
    return made


def belonging() -> set[str]:
    """Name all that the wheel has to hold, as it lies in the checkout."""
    found = (path for top in ("engine", *SHIPPED) for path in (CHECKOUT / top).rglob("*") if path.is_file())
    inside = (path.relative_to(CHECKOUT).parts for path in found)
    return {str(PurePosixPath(*parts)) for parts in inside if not any(fnmatch(p, left) for p in parts for left in LEFT)}


def test_the_wheel_holds_all_that_belongs_to_the_program_and_nothing_else(installed: Installed) -> None:
    names = ZipFile(installed.wheel).namelist()
    held = {name.removeprefix("engine/shipped/") for name in names if not name.startswith("one_sync-0.1.0.dist-info/")}

    assert held == belonging()


def test_the_checkout_is_not_importable_there(installed: Installed) -> None:
    script = "import engine, sys; print(engine.__file__); print(*sys.path, sep='\\n')"
    command = [installed.venv / "bin" / "python", "-P", "-c", script]
    where, *paths = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert Path(where).is_relative_to(installed.packages)
    assert str(CHECKOUT) not in paths


def test_it_says_its_version(installed: Installed) -> None:
    assert installed.one_sync("--version") == (0, "one-sync 0.1.0\n", "")


def test_without_a_project_the_shipped_mappings_are_checked_and_compared_with_their_snapshots(
    installed: Installed,
) -> None:
    count = len(list((CHECKOUT / "snapshots").iterdir()))
    code, validated, _ = installed.one_sync("validate", **ENDS)
    _, warned, _ = installed.one_sync("validate")

    assert (code, validated) == (0, f"{count} mappings checked: no problems\n")
    assert "ERP_URL is not set: export it, or write ERP_URL=... to the .env of a copy of this project" in warned
    assert installed.one_sync("snapshot") == (0, f"{count} snapshots: all equal\n", "")


def test_the_help_says_which_project_is_meant(installed: Installed) -> None:
    _, told, _ = installed.one_sync("--help")

    assert "the folder you stand in, if it has a project.yaml, else the shipped mappings" in " ".join(told.split())


def test_no_state_and_no_snapshot_is_written_into_the_installed_program(installed: Installed, tmp_path: Path) -> None:
    before = {path for path in installed.packages.rglob("*") if "__pycache__" not in path.parts}
    shipped = installed.packages / "engine" / "shipped"
    stale = shipped / "snapshots" / "stocks.json"
    kept = stale.read_text()
    stale.write_text("{}\n")

    ran = installed.one_sync("run", "--once", "stocks", **ENDS)
    elsewhere = installed.one_sync("status", ONE_SYNC_STATE=str(tmp_path / "state"))
    updated = installed.one_sync("snapshot", "--update")
    stale.write_text(kept)

    remedy = f"copy {shipped}/mappings to a folder of yours, then stand in it or name it with --project (E_SHIPPED)\n"
    inside = "would lie in the installed program, at"
    assert ran == (2, "", f"error: the state {inside} {shipped}/mappings/.one-sync: {remedy}")
    assert elsewhere[0] == 0
    assert updated == (2, "", f"error: this snapshot {inside} {stale}: {remedy}")
    assert {path for path in installed.packages.rglob("*") if "__pycache__" not in path.parts} == before


def test_the_demonstration_runs_and_the_folder_it_made_is_the_project_one_stands_in(installed: Installed) -> None:
    code, shown, _ = installed.one_sync("demo", "--products", "10", "--customers", "10")
    project = installed.here / "one-sync-demo"

    listed = installed.one_sync("rejected", "list", cwd=project)
    assert code == 0, shown
    assert "  one-sync --project one-sync-demo status\n" in shown
    assert listed[0] == 0
    assert "UNKNOWN-000005" in listed[1]
    assert [path.name for path in installed.here.iterdir() if path.name[0] != "."] == [project.name]


def test_uninstalling_leaves_nothing(installed: Installed) -> None:
    """The last test: nothing is installed any more."""
    (installed.packages / "needed.pth").unlink()
    installed.pip("uninstall", "--yes", "one-sync")

    assert sorted(path.name for path in installed.packages.glob("*one*sync*")) == []
    assert not (installed.packages / "engine").exists()
    assert not (installed.venv / "bin" / "one-sync").exists()
