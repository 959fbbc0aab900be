"""Reads `.env`: KEY=VALUE lines, quoted as in a shell, without expansion."""

from __future__ import annotations

import re
from pathlib import Path

from engine.values import ConfigError, Place, Problem

_NAME = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[^\S\n]*=[^\S\n]*")
_NOTHING = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")  # what may stand behind a quoted value, and alone on a line
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_PLAIN = re.compile(r"(?P<value>[^\n]*?)(?:[^\S\n]+#[^\n]*|[^\S\n]*)(?:\n|\Z)")
_ESCAPE = re.compile(r"\\([\"\\$`]|\n)")  # in double quotes; every other backslash stays


def read_env(path: Path) -> dict[str, str]:
    """Read the assignments of a file; none where it is not there.

    Raises:
        ConfigError: it cannot be read, or one of its lines is not KEY=VALUE.
    """
    if not path.is_file():
        return {}
    text = _decoded(path).replace("\r\n", "\n").replace("\r", "\n")
    assignments: dict[str, str] = {}
    at = 0
    while at < len(text):
        if nothing := _NOTHING.match(text, at):
            at = nothing.end()
        elif found := _NAME.match(text, at):
            assignments[found["name"]], at = _value(text, found.end(), path)
        else:
            raise _fault("not a line of the form KEY=VALUE", path, text[:at])
    return assignments


def _value(text: str, at: int, path: Path) -> tuple[str, int]:
    """Read what stands behind `=`, and tell where the next line begins."""
    if text[at : at + 1] not in ("'", '"'):
        plain = _PLAIN.match(text, at)
        value, end = (plain["value"], plain.end()) if plain else ("", len(text))
        return ("" if value.startswith("#") else value), end
    quoted = (_SINGLE if text[at] == "'" else _DOUBLE).match(text, at)
    rest = _NOTHING.match(text, quoted.end()) if quoted else None
    if not quoted or not rest:
        raise _fault("the closing quote is missing, or text follows it", path, text[:at])
    value = quoted[1]
    if text[at] == '"':
        value = _ESCAPE.sub(lambda escape: escape[1].replace("\n", ""), value)
    return value, rest.end()


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _fault(f"the file cannot be read: {error.strerror}", path, "") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:2]:
        raise _fault("the file is UTF-16: save it as UTF-8", path, "")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        raise _fault(f"byte 0x{data[error.start]:02X} is not UTF-8: save the file as UTF-8", path, before) from None


def _fault(message: str, path: Path, before: str) -> ConfigError:
    place = Place(file=str(path), line=before.count("\n") + 1)
    return ConfigError(code="E_ENV_FILE", problems=[Problem(code="E_ENV_FILE", message=message, place=place)])
