"""Runs one-sync as a process: from the command's words to exit code and output.

A command that runs to its end is a fork of one process that has loaded the program and nothing else, so that it starts
in a hundredth of a second. `start` takes the long way, for processes that are signalled or killed.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from engine.cli.command_table import COMMANDS

SECONDS = 120  # no command works longer
LOADED = (
    "engine.run.app",
    "engine.connections.sql.connect",
    *sorted({f"engine.cli.commands.{module}" for module, _ in COMMANDS.values()}),
)
SEEN_BY_ALL = ("PATH", "HOME", "PYTHONPATH", "SSL_CERT_FILE")


def run(folder: Path, variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a project to its end, with these variables and no others."""
    arguments, environment = _arguments(folder, words), _environment(variables)
    order = json.dumps({"arguments": arguments, "environment": environment, "cwd": str(folder.parent)})
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        asked.write(order.encode())
        asked.flush()
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(SECONDS)
            line.connect(_server())
            socket.send_fds(line, [b"run"], [asked.fileno(), out.fileno(), err.fileno()])
            code = int(line.recv(16))
        found = []
        for file in (out, err):
            file.seek(0)
            found.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess(arguments, code, *found)


def start(
    folder: Path, variables: Mapping[str, str], *words: str, stdout: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start a command on a project; end it with `finish`."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *_arguments(folder, words)],
        env=_environment(variables),
        cwd=folder.parent,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], seconds: float = 30) -> tuple[int, str, str]:
    """Wait for a process; give exit code, stdout and stderr. Kills it where it does not end."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    return process.returncode, out, err


def _arguments(folder: Path, words: Sequence[str]) -> list[str]:
    return ["--project", str(folder), *words]


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {**{name: os.environ[name] for name in SEEN_BY_ALL if name in os.environ}, **variables}


# --- the process that is forked ----------------------------------------------------------------------------------


@cache
def _server() -> str:
    """Start the process that is forked, once; give its address."""
    address = f"{tempfile.mkdtemp()}/commands"
    server = subprocess.Popen(
        [sys.executable, "-P", __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment({})
    )
    assert server.stdin and server.stdout
    atexit.register(server.stdin.close)  # which ends it
    assert server.stdout.readline() == b"ready\n"
    return address


def _serve(address: str) -> None:
    """Fork for every command, until the tests are over."""
    for name in LOADED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
            line = listener.accept()[0]
            if os.fork() == 0:
                listener.close()
                _wait(line)
            line.close()


def _wait(line: socket.socket) -> NoReturn:
    """Let a fork run the command; say its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, (asked, out, err), *_ = socket.recv_fds(line, 16, 3)
    pid = os.fork()
    if pid == 0:
        line.close()
        _command(asked, out, err)
    line.sendall(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    os._exit(0)


def _command(asked: int, out: int, err: int) -> NoReturn:
    """Become the command, as a new process would be it."""
    os.lseek(asked, 0, os.SEEK_SET)
    with open(asked, "rb") as file:
        order = json.load(file)
    for descriptor, place in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(descriptor, place)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["one-sync", *order["arguments"]]
    code = 1
    try:
        import_module("engine.cli").main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
