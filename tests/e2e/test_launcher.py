"""bin/one-sync, bin/check and bin/test keep their promises in a checkout of their own, without a network."""

import ctypes
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BIN = Path(__file__).parents[2] / "bin"
TOOLS = ("cat", "cp", "grep", "mkdir", "mv", "readlink", "rm", "sed", "sh", "tail", "tr")  # all the launcher may need
BASE_PYTHON = Path(sys.executable).resolve()

PYPROJECT = """\
[project]
name = "one-sync"
version = "0.1.0"

[project.optional-dependencies]
dev = []
gadget = ["gadget"]

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

# Builds what pyproject.toml asks for with the standard library alone, so that pip needs no network.
BACKEND = """\
import pathlib, tomllib, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    lines = ["Metadata-Version: 2.1", "Name: one-sync", "Version: 0.1.0"]
    lines += [f"Requires-Dist: {name}" for name in project.get("dependencies", [])]
    for extra, names in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {name}; extra == "{extra}"' for name in names]
    info = "one_sync-0.1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / "one_sync-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("one_sync.pth", str(pathlib.Path.cwd()))
        wheel.writestr(f"{info}/METADATA", "\\n".join(lines))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "one_sync-0.1.0-py3-none-any.whl"
"""

PROGRAM = """\
import json, os, signal, sys, time
from importlib.util import find_spec

match sys.argv[1:]:
    case ["exit", code]:
        sys.exit(int(code))
    case ["sleep"]:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        print(os.getpid(), flush=True)
        time.sleep(60)
    case words:
        print(json.dumps({"words": words, "cwd": os.getcwd(), "gadget": find_spec("gadget") is not None}))
"""

# Does what uv does for these arguments: an environment without pip in it.
UV = """\
#!/bin/sh
echo "uv $*"
case $1 in
venv) exec python3 -m venv --without-pip "$5" ;;
pip) shift 2; python=$2; shift 2; exec python3 -m pip --python "$python" install "$@" ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    root: Path
    tools: Path  # the whole PATH

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def pyproject(self) -> Path:
        return self.root / "pyproject.toml"

    def environment(self, **env: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        return kept | {"PATH": str(self.tools), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.tools)} | env

    def start(
        self, *words: str, script: Path | None = None, env: dict[str, str] | None = None, **options: Any
    ) -> tuple[int, str, str]:
        done = subprocess.run(
            [script or self.root / "bin" / "one-sync", *words],
            env=self.environment(**(env or {})),
            cwd=options.pop("cwd", "/"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )
        return done.returncode, done.stdout, done.stderr

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.root / "bin" / "one-sync", *words],
            env=self.environment(),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def said(self, what: str, tool: str = "one-sync") -> str:
        log = self.venv / "setup" / "log"
        return f"{tool}: {what} in {self.venv} (a minute or so; progress in {log})\n"


def new_checkout(folder: Path) -> Checkout:
    checkout = Checkout(folder / "a checkout, żółty", folder / "tools")
    (checkout.root / "bin").mkdir(parents=True)
    (checkout.root / "engine" / "cli").mkdir(parents=True)
    for script in ("one-sync", "check", "test", "environment.sh"):
        shutil.copy(BIN / script, checkout.root / "bin")
    checkout.pyproject.write_text(PYPROJECT)
    (checkout.root / "backend.py").write_text(BACKEND)
    (checkout.root / "engine" / "__init__.py").touch()
    (checkout.root / "engine" / "cli" / "__init__.py").touch()
    (checkout.root / "engine" / "cli" / "__main__.py").write_text(PROGRAM)

    checkout.tools.mkdir()
    for tool in TOOLS:
        (checkout.tools / tool).symlink_to(str(shutil.which(tool)))
    (checkout.tools / "python3").symlink_to(BASE_PYTHON)
    with zipfile.ZipFile(checkout.tools / "gadget-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("gadget.py", "")
        wheel.writestr("gadget-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: gadget\nVersion: 1.0\n")
        wheel.writestr("gadget-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("gadget-1.0.dist-info/RECORD", "")
    return checkout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Give a checkout that is set up; a test that changes it leaves it set up."""
    checkout = new_checkout(tmp_path_factory.mktemp("made"))
    assert checkout.start("x") == (0, answer("x"), checkout.said("setting up the environment"))
    return checkout


def answer(*words: str, cwd: str = "/", gadget: bool = False) -> str:
    return json.dumps({"words": words, "cwd": cwd, "gadget": gadget}) + "\n"


def test_a_later_start_prints_only_what_the_program_prints(made: Checkout) -> None:
    assert made.start("two words", "", "ż") == (0, answer("two words", "", "ż"), "")


def test_it_starts_through_chains_of_links_absolute_and_relative(made: Checkout, tmp_path: Path) -> None:
    (tmp_path / "deep er").mkdir()
    (tmp_path / "absolute").symlink_to(made.root / "bin" / "one-sync")
    (tmp_path / "deep er" / "relative").symlink_to("../absolute")
    (tmp_path / "folder").symlink_to(made.root)

    starts = [
        made.start("x", script=Path("deep er/relative"), cwd=tmp_path),
        made.start("x", script=Path("folder/bin/one-sync"), cwd=tmp_path),
        made.start("x", script=Path("relative"), cwd="/", env={"PATH": f"{tmp_path / 'deep er'}:{made.tools}"}),
        made.start("one-sync", "x", script=Path("/bin/sh"), cwd=made.root / "bin"),
    ]

    assert starts == [
        (0, answer("x", cwd=str(tmp_path)), ""),
        (0, answer("x", cwd=str(tmp_path)), ""),
        (0, answer("x"), ""),
        (0, answer("x", cwd=str(made.root / "bin")), ""),
    ]


def test_modules_in_the_folder_one_stands_in_are_not_imported(made: Checkout, tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('the wrong engine')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")

    assert made.start("x", cwd=tmp_path) == (0, answer("x", cwd=str(tmp_path)), "")


def test_exit_codes_pass_through(made: Checkout) -> None:
    assert [made.start("exit", code)[0] for code in ("0", "3", "143")] == [0, 3, 143]


def test_a_signal_to_the_launcher_is_a_signal_to_the_program(made: Checkout) -> None:
    process = made.begin("sleep")
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)

    assert (process.wait(20), pid, process.communicate()) == (7, process.pid, ("", ""))


def test_a_read_only_checkout_that_is_set_up_starts(made: Checkout) -> None:
    with read_only(made.root):
        assert made.start("x", preexec_fn=obey_permissions) == (0, answer("x"), "")


def test_a_read_only_checkout_that_is_not_set_up_says_so(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path)
    with read_only(checkout.root):
        status, out, err = checkout.start("x", preexec_fn=obey_permissions)

    assert (status, out) == (2, "")
    assert err == (
        f"one-sync: E_READ_ONLY: {checkout.venv} is not set up for this checkout and cannot be written; "
        "start one-sync once as a user who may, at this path\n"
    )


def test_a_touched_pyproject_installs_nothing(made: Checkout) -> None:
    os.utime(made.pyproject)
    shutil.copy(made.pyproject, made.root / "as checked out")
    (made.root / "as checked out").replace(made.pyproject)

    assert made.start("x") == (0, answer("x"), "")


def test_a_changed_pyproject_installs_once(made: Checkout) -> None:
    with pyproject(made, PYPROJECT.replace("[build-system]", "# a comment\n[build-system]")):
        first = made.start("x")
        second = made.start("x")
    back = made.start("x")

    said = made.said("pyproject.toml has changed: updating the environment")
    assert [first, second, back] == [(0, answer("x"), said), (0, answer("x"), ""), (0, answer("x"), said)]


def test_an_update_that_fails_shows_why_and_leaves_the_old_environment_good(made: Checkout) -> None:
    with pyproject(made, PYPROJECT.replace('"0.1.0"', '"0.1.0"\ndependencies = ["not-to-be-found"]')):
        status, out, err = made.start("x")
    back = made.start("x")

    lines = err.splitlines()
    assert (status, out, back) == (2, "", (0, answer("x"), ""))
    assert lines[0] + "\n" == made.said("pyproject.toml has changed: updating the environment")
    assert "  | ERROR: No matching distribution found for not-to-be-found" in lines
    assert lines[-1] == (
        f"one-sync: E_SETUP: the environment could not be made ({made.venv}/setup/log): the packages could not be "
        "fetched: look at the network (proxy: HTTPS_PROXY, mirror: PIP_INDEX_URL or UV_DEFAULT_INDEX) and start again"
    )


def test_bad_wishes_are_refused(made: Checkout) -> None:
    unknown = made.start("x", env={"ONE_SYNC_EXTRAS": "gadgets"})
    garbled = made.start("x", env={"ONE_SYNC_EXTRAS": "gadget;*"})

    code = "one-sync: E_UNKNOWN_EXTRA:"
    assert [unknown, garbled] == [
        (2, "", f"{code} pyproject.toml has no extra 'gadgets'; known are: dev gadget (ONE_SYNC_EXTRAS)\n"),
        (2, "", f"{code} ONE_SYNC_EXTRAS='gadget;*' is not a list of extras such as postgres,mysql\n"),
    ]


def test_the_launcher_adds_no_more_than_a_few_hundredths_of_a_second(
    made: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    direct: list[Path | str] = [made.venv / "bin" / "python", "-P", "-m", "engine.cli"]
    pairs = [(cpu_seconds([made.root / "bin" / "one-sync"], made), cpu_seconds(direct, made)) for _ in range(40)]
    added = statistics.median(launched - called for launched, called in pairs)

    with capsys.disabled():
        print(f"\nthe launcher adds {added * 1000:.1f} ms")
    assert added < 0.03


def cpu_seconds(command: list[Path | str], checkout: Checkout) -> float:
    """Run and give the time of processor used: unlike time on the wall it does not depend on the machine's load."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=checkout.environment(), capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_every_part_of_check_runs_and_the_failed_ones_show_their_output(made: Checkout) -> None:
    made.start(script=made.root / "bin" / "check")  # adds the extra "dev"
    tool(made, "ruff", "exit 0")
    tool(made, "mypy", "echo 'engine/x.py:1: wrong'; exit 1")
    tool(made, "lint-imports", "echo broken >&2; exit 2")

    checked = made.start(script=made.root / "bin" / "check")
    tool(made, "mypy", "exit 0")
    tool(made, "lint-imports", "exit 0")
    mended = made.start(script=made.root / "bin" / "check")

    report = (
        "ok    format\nok    lint\nFAIL  types: .venv/bin/mypy\nengine/x.py:1: wrong\n"
        "FAIL  layers: .venv/bin/lint-imports\nbroken\nok    mappings\n"
    )
    assert checked == (1, report, "")
    assert mended == (0, "ok    format\nok    lint\nok    types\nok    layers\nok    mappings\n", "")


def test_check_runs_the_parts_that_are_named(made: Checkout) -> None:
    made.start(script=made.root / "bin" / "check")  # adds the extra "dev"
    tool(made, "ruff", "exit 1")
    tool(made, "mypy", "exit 0")
    tool(made, "lint-imports", "exit 0")
    script = made.root / "bin" / "check"

    some = made.start("layers", "types", script=script)
    misspelt = made.start("types", "layer", script=script)

    assert some == (0, "ok    types\nok    layers\n", "")
    known = "format lint types layers mappings"
    assert misspelt == (2, "", f"check: E_UNKNOWN_PART: there is no part 'layer'; they are: {known}\n")


def test_test_checks_then_tests_and_fails_when_either_did(made: Checkout) -> None:
    made.start(script=made.root / "bin" / "check")
    for name in ("ruff", "mypy", "lint-imports"):
        tool(made, name, "exit 0")
    tool(made, "pytest", 'echo "pytest $*"; exit "${CODE:-0}"')
    script = made.root / "bin" / "test"

    good = made.start(script=script)
    red = made.start(script=script, env={"CODE": "1"})
    some = made.start("-k", "a or b", script=script, env={"CODE": "5"})
    tool(made, "mypy", "exit 1")
    unchecked = made.start(script=script)

    parts = "ok    format\nok    lint\nok    types\nok    layers\nok    mappings\n"
    run = "pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/bench\n"
    assert [good, red, some] == [
        (0, parts + run, ""),
        (1, parts + run, ""),
        (5, "pytest -k a or b\n", "test: with arguments bin/check is left out\n"),
    ]
    assert unchecked == (
        1,
        parts.replace("ok    types\n", "FAIL  types: .venv/bin/mypy\n\n") + run,
        "test: bin/check failed, see above the tests\n",
    )


def test_extras_add_up_and_are_remembered(made: Checkout) -> None:
    wished = made.start("x", env={"ONE_SYNC_EXTRAS": "gadget"})
    later = made.start("x")
    with pyproject(made, PYPROJECT + "\n# longer\n"):
        updated = made.start("x")
    made.start("x")

    assert [wished, later, updated] == [
        (0, answer("x", gadget=True), made.said("adding gadget to the environment")),
        (0, answer("x", gadget=True), ""),
        (0, answer("x", gadget=True), made.said("pyproject.toml has changed: updating the environment")),
    ]


def test_a_copy_elsewhere_gets_an_environment_of_its_own(made: Checkout, tmp_path: Path) -> None:
    copy = Checkout(tmp_path / "copy", made.tools)
    shutil.copytree(made.root, copy.root, symlinks=True)
    (copy.root / "engine" / "cli" / "__main__.py").write_text("print('the copy')")

    first = copy.start()
    (copy.venv / "bin" / "python").unlink()  # as when the system's Python was upgraded
    (copy.venv / "bin" / "python").symlink_to("/usr/bin/python3.0")
    second = copy.start()

    assert first == (0, "the copy\n", copy.said(f"the checkout was at {made.root}: making the environment anew"))
    assert second == (0, "the copy\n", copy.said("setting up the environment"))


def test_of_two_first_starts_one_waits_for_the_other(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path)
    processes = [checkout.begin(word) for word in ("a", "b")]
    outs, errs = zip(*(process.communicate(timeout=120) for process in processes), strict=True)

    assert [process.returncode for process in processes] == [0, 0]
    assert outs == (answer("a"), answer("b"))
    assert sorted(errs) == [
        checkout.said("setting up the environment"),
        "one-sync: waiting: another start is setting up the environment\n",
    ]


def test_what_a_killed_start_left_is_made_anew(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path)
    process = checkout.begin("x")
    wait_for(checkout.venv / "bin" / "python")
    process.kill()  # its children live on for a while, and hold the lock
    (checkout.venv / "half made").touch()
    process.wait()

    repaired = checkout.start("x")
    later = checkout.start("x")

    assert repaired == (
        0,
        answer("x"),
        "one-sync: waiting: another start is setting up the environment\n"
        + checkout.said("an earlier set-up was cut short: making the environment anew"),
    )
    assert (later, (checkout.venv / "half made").exists()) == ((0, answer("x"), ""), False)


def test_an_environment_made_by_hand_is_completed_not_removed(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path)
    subprocess.run([BASE_PYTHON, "-m", "venv", checkout.venv], check=True)
    (checkout.venv / "by hand").touch()

    completed = checkout.start("x")

    assert completed == (0, answer("x"), checkout.said("completing the environment"))
    assert (checkout.venv / "by hand").exists()


def test_uv_is_preferred_and_pip_takes_over_when_it_is_gone(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path)
    uv = checkout.tools / "uv"
    executable(uv, UV)
    first = checkout.start("x")
    log = (checkout.venv / "setup" / "log").read_text().splitlines()
    uv.unlink()
    wished = checkout.start("x", env={"ONE_SYNC_EXTRAS": "gadget"})

    assert first == (0, answer("x"), checkout.said("setting up the environment"))
    assert [line for line in log if line.startswith("uv ")] == [
        f"uv venv --allow-existing --python {BASE_PYTHON} {checkout.venv}",
        f"uv pip install --python {checkout.venv}/bin/python --editable .",
    ]
    assert wished == (0, answer("x", gadget=True), checkout.said("adding gadget to the environment"))


OLD = "import sys; sys.version_info = (3, 9, 2); exec(sys.argv.pop(1))"
WITHOUT_VENV = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv.pop(1))"


@pytest.mark.parametrize(
    ("python", "message"),
    [
        pytest.param(
            OLD,
            "E_PYTHON: Python 3.11 or newer is needed, {tools}/python3 is 3.9; "
            "install it as python3 or python3.11 on the PATH",
            id="too old",
        ),
        pytest.param(
            None,
            "E_PYTHON: Python 3.11 or newer is needed, none was found; install it as python3 or python3.11 on the PATH",
            id="none",
        ),
        pytest.param(
            WITHOUT_VENV,
            "E_NO_VENV: {tools}/python3 has no venv module; install it (Debian, Ubuntu: apt install python3-venv), "
            "or put uv on the PATH",
            id="without venv",
        ),
    ],
)
def test_a_python_that_will_not_do_is_named(tmp_path: Path, python: str | None, message: str) -> None:
    checkout = new_checkout(tmp_path)
    stand_in = checkout.tools / "python3"
    stand_in.unlink()
    if python is not None:
        named = python.replace("import sys;", f"import sys; sys.executable = {str(stand_in)!r};")
        executable(stand_in, f'#!/bin/sh\nshift\nexec {BASE_PYTHON} -c "{named}" "$@"\n')

    refused = checkout.start("x")

    assert refused == (2, "", f"one-sync: {message.format(tools=checkout.tools)}\n")
    assert not checkout.venv.exists()


@contextmanager
def pyproject(checkout: Checkout, text: str) -> Iterator[None]:
    before = checkout.pyproject.read_text()
    checkout.pyproject.write_text(text)
    yield
    checkout.pyproject.write_text(before)


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    folders = [root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        folder.chmod(0o555)
    yield
    for folder in folders:
        folder.chmod(0o755)


def obey_permissions() -> None:
    """Take from a root user the right to write where permissions forbid it; others have no such right."""
    if os.geteuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override)


def tool(checkout: Checkout, name: str, body: str) -> None:
    executable(checkout.venv / "bin" / name, f"#!/bin/sh\n{body}\n")


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)
