"""Reads YAML text into values that know their places: 1.2 core scalars, nothing silently lost. Alone imports yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from engine.values import Path, Place, Problem

MAX_BYTES = 1_000_000
MAX_NODES = 10_000  # after the expansion of aliases
MAX_DEPTH = 50
MAX_DIGITS = 1_000  # of a number


# YAML 1.2.2, 10.3.2 (core schema).
NULL = re.compile(r"null|Null|NULL|~|")
BOOL = re.compile(r"(?P<true>true|True|TRUE)|false|False|FALSE")
INT = re.compile(r"[-+]?[0-9]+")
BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
INVISIBLE = re.compile(r"[\x85\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]")
CURLY = re.compile("[\u201c\u201d\u201e\u2018\u2019]")  # quotes as word processors type them
BEYOND = re.compile(r"\\U(?!0010|000[0-9a-fA-F])[0-9a-fA-F]{8}")  # an escape of no character
LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # as PyYAML counts lines

FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # same events and places; the other has better messages

UNQUOTED = 'a template has to be quoted, as in "{{ name }}"'
SYNTAX_HINTS = (
    (r"'\\t'", "a tab cannot indent: use spaces"),
    (r"'@'|'`'|'%'", "quote the value"),
    (r"mapping values are not allowed", "check the indentation, or quote a value that holds `: `"),
    (
        r"expected <block end>|expected the node content|expected ',' or|'<stream end>'",
        "check indentation and brackets",
    ),
    (r"could not find expected ':'", "a key needs a colon and a value"),
    (r"unknown escape character", "write the text in single quotes"),
    (r"end of stream", "a closing quote is missing"),
    (r"", "compare with a file that works"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML file: its value (maps with text keys, lists, scalars), where everything stands, and its faults."""

    value: Any  # None where the text could not be read
    places: Mapping[Path, Place]  # of every key and list element, by its path; () is the whole
    problems: tuple[Problem, ...] = ()
    folded: Mapping[Path, tuple[int, tuple[str, ...]]] = field(
        default_factory=dict
    )  # texts of lines made one, as written


class _Fault(Exception):
    """Ends the reading of one file."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse(text: bytes, file: str) -> Document:
    """Read one YAML document; never raises, faults are in `problems`."""
    try:
        content = _decoded(text, file)
        return _Reader(file, content).read()
    except _Fault as fault:
        return Document(value=None, places={(): Place(file=file)}, problems=(fault.problem,))


def _decoded(text: bytes, file: str) -> str:
    if len(text) > MAX_BYTES:
        message = f"the file has more than {MAX_BYTES:,} bytes: split it"
        raise _Fault(Problem(code="E_FILE_TOO_LARGE", message=message, place=Place(file=file)))
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in text[:2]:
        raise _Fault(Problem(code="E_ENCODING", message="the file is UTF-16: save it as UTF-8", place=Place(file=file)))
    try:
        content = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text[: error.start].decode("utf-8-sig", errors="replace")
        message = f"byte 0x{text[error.start]:02X} is not UTF-8: save the file as UTF-8"
        raise _Fault(Problem(code="E_ENCODING", message=message, place=_end_of(before, file))) from error
    if found := UNPRINTABLE.search(content):
        message = f"control character U+{ord(found.group()):04X}: remove it"
        raise _Fault(Problem(code="E_ENCODING", message=message, place=_end_of(content[: found.start()], file)))
    return content


def _plain(text: str) -> Any:
    """Read an unquoted scalar."""
    if NULL.fullmatch(text):
        return None
    if found := BOOL.fullmatch(text):
        return bool(found.group("true"))
    if INT.fullmatch(text):
        return int(text)
    if BASED.fullmatch(text):
        return int(text, 0)
    return Decimal(text) if FRACTION.fullmatch(text) else text


def _index(mark: Any) -> int:
    """Give the position in the text of one of PyYAML's marks."""
    return int(mark.index)


def _end_of(before: str, file: str) -> Place:
    lines = LINE_BREAK.split(before)
    return Place(file=file, line=len(lines), column=len(lines[-1]) + 1)


@dataclass(slots=True)
class _Reader:
    """Walks the events of one text once, and those of an anchor again for each of its aliases."""

    file: str
    text: str
    events: list[yaml.Event] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)  # name: index of its first event
    places: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    folded: dict[Path, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    at: int = 0
    nodes: int = 0
    open_aliases: list[str] = field(default_factory=list)

    def read(self) -> Document:
        self.events = self._scanned()
        value = self._node(()) if self.events else None
        if value is None:
            raise self._fault("E_FILE_EMPTY", "the file is empty", Place(file=self.file))
        self.places[()] = self._place(self.events[0])
        return Document(value=value, places=self.places, problems=tuple(self.problems), folded=self.folded)

    def _scanned(self) -> list[yaml.Event]:
        with suppress(yaml.YAMLError):
            return list(self._nodes_of(FAST))
        try:
            return list(self._nodes_of(yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            raise self._syntax(error) from error
        except ValueError as error:  # PyYAML's own way of refusing it; without a place
            place = _end_of(self.text[: found.start()] if (found := BEYOND.search(self.text)) else "", self.file)
            message = "`\\U` takes the 8 hexadecimal digits of a character, 00000000 to 0010FFFF"
            raise self._fault("E_YAML_SYNTAX", message, place) from error

    def _nodes_of(self, loader: Any) -> Iterator[yaml.Event]:
        """Yield the events of the only document; stops early at too deep or too many nodes."""
        documents = depth = 0
        for count, event in enumerate(yaml.parse(self.text, Loader=loader)):
            documents += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if documents > 1:
                message = "a second document begins here: one file holds one, remove the `---`"
                raise self._fault("E_YAML_DOCUMENTS", message, event)
            if depth > MAX_DEPTH:
                raise self._fault("E_YAML_DEPTH", f"more than {MAX_DEPTH} levels deep: flatten it", event)
            if count > 3 * MAX_NODES:
                raise self._too_many(event)
            if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                yield event

    def _node(self, path: Path) -> Any:
        event: Any = self.events[self.at]
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._too_many(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        self._check_tag(event)
        if event.anchor:
            self.anchors[event.anchor] = self.at
        self.at += 1
        if isinstance(event, yaml.ScalarEvent):
            self._note_folded(event, path)
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._map(path, flow=bool(event.flow_style))
        return self._list(path)

    def _alias(self, event: yaml.AliasEvent, path: Path) -> Any:
        name = event.anchor
        if name not in self.anchors:
            raise self._fault("E_YAML_ALIAS", f"alias `*{name}` has no anchor `&{name}` before it", event)
        if name in self.open_aliases or len(self.open_aliases) + len(path) > MAX_DEPTH:
            raise self._fault("E_YAML_ALIAS", f"alias `*{name}` contains itself", event)
        after, self.at = self.at + 1, self.anchors[name]
        self.open_aliases.append(name)
        value = self._node(path)
        self.open_aliases.pop()
        self.at = after
        return value

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(self.events[self.at], yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.places.setdefault(here, self._place(self.events[self.at]))
            items.append(self._node(here))
        self.at += 1
        return items

    def _map(self, path: Path, *, flow: bool) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(self.events[self.at], yaml.MappingEndEvent):
            event: Any = self.events[self.at]
            key = self._key(event)
            here = (*path, key)
            if key == "<<" and not event.style:
                message = "merge keys (`<<`) are not supported: write the keys out, or alias the whole value"
                self._report("E_YAML_MERGE", message, event)
                self._node(here)
                continue
            if flow and self._lacks_colon(event):
                message = f"`{key}` has no value; if a comma in a text was meant, quote the whole text"
                self._report("E_YAML_KEY", message, event)
                self.at += 1
                continue
            if key in entries:
                first = self.places[here].line
                self._report("E_DUPLICATE_KEY", f"`{key}` stands here twice, first on line {first}: keep one", event)
            self.places[here] = self._place(event)
            entries[key] = self._node(here)
        self.at += 1
        return entries

    def _lacks_colon(self, key: yaml.ScalarEvent) -> bool:
        """Tell whether a key inside braces ends without a colon, as in {query: SELECT a, b}."""
        value = self.events[self.at]
        between = self.text[_index(key.end_mark) : _index(value.start_mark)]
        return isinstance(value, yaml.ScalarEvent) and not value.value and not value.style and ":" not in between

    def _key(self, event: yaml.Event) -> str:
        """Read a key as the text that was written: `on`, `404` and `null` are texts here."""
        if isinstance(event, yaml.AliasEvent):
            raise self._fault("E_YAML_KEY", "an alias cannot be a key: write the key out", event)
        if isinstance(event, yaml.MappingStartEvent) and event.flow_style:
            raise self._fault("E_YAML_KEY", UNQUOTED, event)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._fault("E_YAML_KEY", "a key has to be a text", event)
        self._check_tag(event)
        self.nodes += 1
        self.at += 1
        self._check_characters(event)
        if not event.style:
            self._check_blanks(event)
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = event.value
        if event.style:
            self._check_characters(event)
            return text
        self._check_blanks(event)
        if NOT_FINITE.fullmatch(text) or (len(text) > MAX_DIGITS and FRACTION.fullmatch(text)):
            self._report("E_YAML_NUMBER", f"`{text[:20]}` is not a number that JSON can carry: quote a text", event)
            return None
        return _plain(text)

    def _note_folded(self, event: yaml.ScalarEvent, path: Path) -> None:
        """Keep the lines of a text of which YAML makes one line, for those to whom lines matter."""
        begins: Any = event.start_mark
        ends: Any = event.end_mark
        first, last = begins.line, ends.line
        if event.style != "|" and last > first:
            lines = LINE_BREAK.split(self.text)[first : last + 1]
            indicator = begins.column + bool(event.style)  # a quote, or `>`
            lines[0] = " " * indicator + lines[0][indicator:]
            if event.style in ("'", '"'):
                lines[-1] = lines[-1][: ends.column - 1]
            self.folded[path] = first + 1, tuple(lines)

    def _check_characters(self, event: yaml.ScalarEvent) -> None:
        """Refuse as an escape what may not stand in the file itself either."""
        if found := UNPRINTABLE.search(event.value):
            self._report(
                "E_ENCODING", f"the escape of the control character U+{ord(found.group()):04X}: remove it", event
            )

    def _check_blanks(self, event: yaml.ScalarEvent) -> None:
        """Refuse what looks like a space or like nothing and is neither to YAML, as copies from web pages have it."""
        if found := INVISIBLE.search(event.value):
            message = (
                f"U+{ord(found.group()):04X} looks like a space or like nothing: type a plain space, or quote the text"
            )
            self._report("E_ENCODING", message, event)

    def _check_tag(self, event: yaml.Event) -> None:
        if tag := getattr(event, "tag", None):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._report("E_YAML_TAG", f"tags such as `{shown}` are not supported: remove it; quote a text", event)

    def _syntax(self, error: yaml.MarkedYAMLError) -> _Fault:
        mark: Any = error.problem_mark or error.context_mark
        place = Place(file=self.file, line=mark.line + 1, column=mark.column + 1)
        found = str(error.problem)
        hint = next(remedy for pattern, remedy in SYNTAX_HINTS if re.search(pattern, found))
        if re.search(r":\s*\{\{", [*LINE_BREAK.split(self.text), ""][mark.line]):
            hint = UNQUOTED
        if odd := self._odd_character(mark.line):
            return odd
        if error.context_mark and error.context_mark.line != mark.line:
            found += f" ({error.context} that began on line {error.context_mark.line + 1})"
        return self._fault("E_YAML_SYNTAX", hint if hint == UNQUOTED else f"{found}; {hint}", place)

    def _odd_character(self, line: int) -> _Fault | None:
        """Blame a blank or a quote that is none to YAML, on the line of a fault or the one before."""
        for number in (line - 1, line):
            text = [*LINE_BREAK.split(self.text), ""][max(number, 0)]
            if found := INVISIBLE.search(text) or CURLY.search(text):
                place = Place(file=self.file, line=max(number, 0) + 1, column=found.start() + 1)
                blank = INVISIBLE.fullmatch(found.group())
                wrong = "no blank to YAML: type a plain space" if blank else "no quote to YAML: type ' or \""
                return self._fault("E_YAML_SYNTAX", f"U+{ord(found.group()):04X} is {wrong}", place)
        return None

    def _too_many(self, event: yaml.Event) -> _Fault:
        return self._fault("E_YAML_TOO_MANY", f"more than {MAX_NODES:,} values, aliases counted: split the file", event)

    def _report(self, code: str, message: str, where: yaml.Event) -> None:
        problem = Problem(code=code, message=message, place=self._place(where))
        if problem not in self.problems:
            self.problems.append(problem)

    def _fault(self, code: str, message: str, where: yaml.Event | Place) -> _Fault:
        place = where if isinstance(where, Place) else self._place(where)
        return _Fault(Problem(code=code, message=message, place=place))

    def _place(self, event: yaml.Event) -> Place:
        mark: Any = event.start_mark
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1)
