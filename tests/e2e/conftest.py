"""Starts bin/one-sync as a person does: a process, its exit code, what it prints."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

CHECKOUT = Path(__file__).parents[2]
ONE_SYNC = CHECKOUT / "bin" / "one-sync"
STOP_SECONDS = 20

Finished: TypeAlias = subprocess.CompletedProcess[str]
Running: TypeAlias = "subprocess.Popen[str]"


@pytest.fixture
def one_sync(tmp_path: Path) -> Callable[..., Finished]:
    """Give a function that runs one-sync to its end: ``one_sync("run", "--once", env={...}, timeout=60)``."""

    def run(*words: str, env: Mapping[str, str] | None = None, timeout: float = 120, **options: Any) -> Finished:
        return subprocess.run(
            [ONE_SYNC, *words],
            env=_environment(tmp_path, env),
            cwd=options.pop("cwd", tmp_path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def start_one_sync(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Give a function that starts one-sync and goes on; whatever still runs at the end of the test is stopped."""
    started: list[Running] = []

    def start(*words: str, env: Mapping[str, str] | None = None, **options: Any) -> Running:
        process = subprocess.Popen(
            [ONE_SYNC, *words],
            env=_environment(tmp_path, env),
            cwd=options.pop("cwd", tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            text=True,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        _stop(process)


def _environment(tmp_path: Path, env: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "ONE_SYNC_STATE": str(tmp_path / "state"), **(env or {})}


def _stop(process: Running) -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
