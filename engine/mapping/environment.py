"""Resolves `${...}` late: from the environment, the `.env` beside project.yaml, and files; remembers what is secret."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

from engine.mapping.env_file import read_env
from engine.values import ConfigError, Place, Problem, shipped

REFERENCE = re.compile(
    r"\$(?P<escaped>\$\{)"
    r"|\$\{file:(?P<file>[^}]+)\}"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}"
    r"|(?P<broken>\$\{[^}]*\}?)"
)
MAX_BYTES = 65_536  # of a file that holds one value
FORMS = "${NAME}, ${NAME:-default} or ${file:PATH}"
PASSWORD = re.compile(r"://[^:/@]*:([^@]+)@")  # in a URL, as SQLAlchemy reads it
UNENCODED_PASSWORD = re.compile(r"://[^:/@]*:(.+)@", re.DOTALL)  # as a person meant it who wrote a plain @
PASSWORD_PARAMETER = re.compile(r"\b(?:password|passwd|pwd)=([^&;]+)", re.IGNORECASE)  # also inside odbc_connect=
SCHEMES = frozenset({"apikey", "basic", "bearer", "digest", "negotiate", "token"})  # before the secret of a header


class Environment:
    """The values behind `${NAME}`, `${NAME:-default}` and `${file:PATH}`; `$${` stands for a plain `${`."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        """Read `.env` in `folder`, where there is one; `variables` win over it.

        Raises:
            ConfigError: `.env` cannot be read, or one of its lines is not KEY=VALUE.
        """
        self._folder = folder
        self._given = dict(variables)
        self._variables = {**read_env(folder / ".env"), **variables}
        self._secrets: set[str] = set()

    def reread(self) -> None:
        """Read `.env` once more; what was secret stays so.

        Raises:
            ConfigError: as at first; the values that were known stay.
        """
        self._variables = {**read_env(self._folder / ".env"), **self._given}

    @property
    def secrets(self) -> frozenset[str]:
        """What must never be shown: all resolved with `secret=True` so far, and the passwords of URLs in each form."""
        return frozenset(self._secrets)

    def resolve(self, text: str, place: Place, *, secret: bool = False) -> str:
        """Replace every reference in `text`.

        Raises:
            ConfigError: a variable or file is missing, or a reference is misspelt; nothing was remembered.
        """
        found = {match.group(): self._value(match, place) for match in REFERENCE.finditer(text)}
        resolved = REFERENCE.sub(lambda match: found[match.group()], text)
        if secret:
            alone = () if "://" in resolved else (value for name, value in found.items() if name != "$${")
            whole = () if is_open(resolved) else (resolved,)
            self._secrets.update(filter(None, (*whole, *alone, *_passwords_of(resolved), *_credentials_of(resolved))))
        return resolved

    def missing(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Name the variables, and the files as `file:PATH`, that `texts` need and that are not there; sorted."""
        matches = [match for text in texts for match in REFERENCE.finditer(text)]
        names = {m["name"] for m in matches if m["name"] and m["default"] is None and m["name"] not in self._variables}
        files = {f"file:{m['file']}" for m in matches if m["file"] and not self._path(m["file"]).is_file()}
        return tuple(sorted(names | files))

    def files(self, texts: Iterable[str]) -> tuple[Path, ...]:
        """List the files that `texts` name as `${file:PATH}`, whether they are there or not."""
        matches = [match for text in texts for match in REFERENCE.finditer(text)]
        return tuple(self._path(match["file"]) for match in matches if match["file"])

    def _value(self, match: re.Match[str], place: Place) -> str:
        if match["escaped"]:
            return "${"
        if match["file"]:
            return self._content(match["file"], place)
        if match["broken"]:
            raise _error("E_REFERENCE", reference_fault(match["broken"]) or "", place)
        name, default = match["name"], match["default"]
        value = self._variables.get(name)
        if default is not None:
            return value or default
        if value is None:
            inside = shipped.is_inside(self._folder)
            file = "the .env of a copy of this project" if inside else self._folder / ".env"
            message = f"the variable {name} is not set: export it, or write {name}=... to {file}"
            raise _error("E_MISSING_VARIABLE", message, place)
        return value

    def _content(self, name: str, place: Place) -> str:
        path = self._path(name)
        try:
            return _small_text(path).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            message = f"${{file:{name}}} cannot be read ({reason}): create {path}, or correct the path"
            raise _error("E_MISSING_VARIABLE", message, place) from error

    def _path(self, name: str) -> Path:
        return self._folder / name


def reference_fault(text: str) -> str | None:
    """Say what is misspelt among the references of `text`; None if nothing is."""
    for match in REFERENCE.finditer(text):
        if broken := match["broken"]:
            return f"`{broken}` is no reference: write {FORMS}, or $${{ for a plain ${{"
    return None


def _small_text(path: Path) -> str:
    """Read a file that holds one value; what is no file (a pipe, a device) might never end."""
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(0, f"it has more than {MAX_BYTES:,} bytes")
    return content.decode("utf-8-sig")


def _error(code: str, message: str, place: Place) -> ConfigError:
    return ConfigError(code=code, problems=[Problem(code=code, message=message, place=place)])


def _passwords_of(url: str) -> Iterator[str]:
    """Yield the password of a URL as written, decoded and encoded."""
    found = [
        *PASSWORD.findall(url),
        *UNENCODED_PASSWORD.findall(url),
        *PASSWORD_PARAMETER.findall(url),
        *PASSWORD_PARAMETER.findall(unquote(url)),
    ]
    for password in found:
        plain = unquote(password)
        yield from (password, plain, quote(plain, safe=""), quote_plus(plain))


def is_open(text: str) -> bool:
    """Tell whether a URL names a file alone, which is no secret: it stands in messages as a path."""
    return text.startswith("sqlite") and "://" in text and "@" not in text and "?" not in text


def _credentials_of(header: str) -> Iterator[str]:
    """Yield what stands behind the scheme of a header such as `Basic ...`, and what it holds."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() not in SCHEMES or not rest.strip():
        return
    yield rest.strip()
    if scheme.lower() == "basic":
        with suppress(ValueError):
            decoded = b64decode(rest.strip(), validate=True).decode("utf-8")
            yield decoded
            yield decoded.partition(":")[2]
