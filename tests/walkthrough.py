"""Does what mappings/README.md tells its reader: writes the YAML it shows, runs its commands, gives their answers."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from engine.demo.stage import stage

MAPPINGS = Path(__file__).resolve().parents[1] / "mappings"
PROJECT = "acme"  # the folder that the reader makes by `one-sync demo --folder acme`
BLOCK = re.compile(r"(?ms)^```(?P<kind>console|diff|yaml) ?(?P<file>\S*)\n(?P<text>.*?)^```$")


def replayed(text: str, folder: Path) -> str:
    """Give the text with the answers that its commands have here; `folder` is empty and stands for the reader's own."""
    with stage(MAPPINGS, folder / PROJECT, products=1000, customers=10):
        return BLOCK.sub(lambda found: _done(found, folder), text)


def _done(block: re.Match[str], folder: Path) -> str:
    """Do what a block says: add to the file it names, change it, or run its commands; other blocks are only read."""
    if block["kind"] == "console":
        commands = [line for line in block["text"].splitlines() if line.startswith("$ ")]
        return f"```console\n{''.join(_answered(line, folder) for line in commands)}```"
    if block["file"]:
        path = folder / block["file"]
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(_patched(old, block["text"]) if block["kind"] == "diff" else old + block["text"], "utf-8")
    return block[0]


def _patched(old: str, diff: str) -> str:
    """Put the lines that begin with + in the place of those before them that begin with -."""
    for removed, added in re.findall(r"(?m)((?:^-.*\n)+)((?:^\+.*\n)+)", diff):
        gone, new = re.sub(r"(?m)^-", "", removed), re.sub(r"(?m)^\+", "", added)
        assert old.count(gone) == 1, gone
        old = old.replace(gone, new)
    return old


def _answered(line: str, folder: Path) -> str:
    """Run a line such as `$ one-sync --project acme plan` and give it with its answer."""
    words = shlex.split(line.removeprefix("$ "))
    if words[0] == "cat":
        return f"{line}\n{(folder / words[1]).read_text(encoding='utf-8')}"
    assert words[0] == "one-sync", line
    done = subprocess.run(
        [sys.executable, "-P", "-m", "engine.cli", *words[1:]],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("ONE_", "ERP_"))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return f"{line}\n{done.stdout.rstrip()}\n"
