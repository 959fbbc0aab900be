"""Makes the parts of mappings/README.md that repeat schemas, filters and answers of commands.

`python tests/reference.py --write` makes them anew; tests/test_promises.py tells when that is needed.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from engine.templates import RenderFault, compile_value
from engine.templates.offered import FILTERS
from walkthrough import replayed

CHECKOUT = Path(__file__).resolve().parents[1]
README = CHECKOUT / "mappings" / "README.md"
PART = re.compile(r"(?s)(<!-- generated: (?P<name>\w+), by tests/reference\.py -->\n).*?(<!-- end -->)")

# --- keys, from the schemas ------------------------------------------------------------------------------------

SECTIONS: Mapping[str, tuple[tuple[str, str, str], ...]] = {  # of each schema: heading, pointer, path of the keys
    "mapping": (
        ("At the top", "#", ""),
        ("A schedule tied to another object", "#/$defs/schedule", "schedule."),
        ("Source: a database", "#/$defs/sql_source", "source."),
        ("Source: an HTTP API", "#/$defs/http_source", "source."),
        ("Fields: a value that is more than a template", "#/$defs/plain_field", "fields.NAME."),
        ("Fields: a list", "#/$defs/each_field", "fields.NAME."),
        ("An entry of `send`", "#/$defs/entry", "send[]."),
        ("A request", "#/$defs/request", "request."),
        ("Write: tables", "#/$defs/tables", "write.tables"),
        ("Write: statements", "#/$defs/statements", "write.statements"),
        ("A sample", "#/$defs/sample", "samples[]."),
    ),
    "project": (
        ("At the top", "#", ""),
        ("A connection: a database", "#/$defs/sql", "connections.NAME."),
        ("A connection: an HTTP API", "#/$defs/http", "connections.NAME."),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a schema, as the reference shows it."""

    path: str  # such as guards.max_removed; [] for an entry of a list, NAME for a name of your own
    description: str  # with its example, as the schema has it
    required: bool
    default: Any = None  # None: there is none
    choices: tuple[str, ...] = ()  # empty: no fixed ones

    @property
    def row(self) -> str:
        """Its row of the table."""
        text, _, example = self.description.partition(" Example: ")
        notes = "" if set(self.choices) <= set(re.findall(r"\w+", self.description)) else f" One of {self._choices}."
        notes += " Required." if self.required else ""
        notes += f" Default: {_code(json.dumps(self.default))}." if self.default is not None else ""
        return f"| {_code(self.path)} | {_cell(_with_stop(text))}{notes} | {_code(example)} |"

    @property
    def _choices(self) -> str:
        return ", ".join(map(_code, self.choices))


def keys(name: str) -> Iterator[tuple[str, list[Key]]]:
    """Yield the sections of a schema, each with its keys in the schema's order."""
    schema = json.loads((CHECKOUT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    apart = {pointer for _, pointer, _ in SECTIONS[name]} | {"#/$defs/read_request"}
    for heading, pointer, path in SECTIONS[name]:
        node = schema if pointer == "#" else schema["$defs"][pointer.removeprefix("#/$defs/")]
        found = {key.path: key for key in reversed(list(_keys(schema, node, path, apart)))}
        yield heading, list(reversed(found.values()))


def _keys(schema: Any, node: Any, path: str, apart: set[str]) -> Iterator[Key]:
    """Yield the keys that a node allows, and those below them that no other section shows."""
    below = path if path.endswith(".") or not path else f"{path}."
    for name, stated in node.get("properties", {}).items():
        resolved = _resolved(schema, stated)
        yield Key(
            path=f"{below}{name}",
            description=resolved.get("description", ""),
            required=name in node.get("required", ()),
            default=resolved.get("default"),
            choices=_choices(resolved),
        )
        if stated.get("$ref") not in apart:
            yield from _keys(schema, resolved, f"{below}{name}", apart)
    for part, suffix in (("then", ""), ("else", ""), ("items", "[]"), ("additionalProperties", ".NAME")):
        inner = node.get(part)
        if isinstance(inner, dict) and inner.get("$ref") not in apart:
            yield from _keys(schema, _resolved(schema, inner), f"{path.removesuffix('.')}{suffix}", apart)


def _choices(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the words that a key, the entries of its list or the values of its map are chosen from."""
    inner = node.get("items"), node.get("additionalProperties")
    return tuple(next((each["enum"] for each in (node, *inner) if isinstance(each, dict) and "enum" in each), ()))


def _resolved(schema: Any, node: Any) -> dict[str, Any]:
    """Follow `$ref`; what stands beside it counts first."""
    if not (reference := node.get("$ref")):
        return dict(node)
    return {**_resolved(schema, schema["$defs"][reference.removeprefix("#/$defs/")]), **node}


def keys_text(name: str) -> str:
    """Write the tables of all keys of a schema."""
    parts = []
    for heading, found in keys(name):
        rows = [key.row for key in found]
        parts.append("\n".join([f"**{heading}**", "", "| key | what it says | example |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


# --- filters, from the code and by rendering -------------------------------------------------------------------

WARSAW = ZoneInfo("Europe/Warsaw")
MAPS = {"order_statuses": {"NEW": 10, "5": 20}}
GOODS = [{"sku": "B", "ok": True}, {"sku": "A", "ok": False}]
EXAMPLES: Mapping[str, tuple[tuple[Any, str], ...]] = {  # of each filter: values of `x`, and what stands in `{{ }}`
    "number": (
        ("12,50", "x | number"),
        ("1 234,5", "x | number"),
        (Decimal("5.000"), "x | number"),
        ("1,234", "x | number"),
    ),
    "decimal": ((Decimal("2.005"), "x | decimal(2)"), ("3,1", "x | decimal(2)")),
    "flag": (("T", "x | flag"), ("nie", "x | flag"), ("", "x | flag"), ("może", "x | flag")),
    "text": ((7, "x | text"), (Decimal("1.50"), "x | text"), (True, "x | text")),
    "date": ((dt.datetime(2024, 3, 1, 10, 30), "x | date"), ("2024-02-29T23:30:00Z", "x | date")),
    "instant": ((dt.datetime(2024, 3, 1, 10, 30), "x | instant"), ("2024-03-01T10:30:00+02:00", "x | instant")),
    "local_datetime": (("2024-03-01T09:30:00Z", "x | local_datetime"), ("2024-03-01T10:30:00", "x | local_datetime")),
    "path": (("A/1", "x | path"), ("..", "x | path"), ("", "x | path")),
    "whole_path": (("/a/B 1", "x | whole_path"), ("a?b=%2F", "x | whole_path"), ("a/../b", "x | whole_path")),
    "blank_to_null": (("  ", "x | blank_to_null"), (" a ", "x | blank_to_null")),
    "default": ((None, "x | default('-')"), ("", "x | default('-')"), ("", "x | default('-', true)")),
    "trim": ((" a ", "x | trim"),),
    "upper": (("a1", "x | upper"),),
    "lower": (("A1", "x | lower"),),
    "replace": (("1-2", "x | replace('-', '/')"),),
    "join": ((["a", None, 2], "x | join('-')"),),
    "length": (("abc", "x | length"), ([1, 2], "x | length"), (None, "x | length")),
    "abs": ((Decimal("-1.5"), "x | abs"),),
    "sum": (([1, Decimal("0.1"), Decimal("0.2")], "x | sum"), ([], "x | sum")),
    "mapped": (
        ("NEW", "x | mapped('order_statuses')"),
        (5, "x | mapped('order_statuses')"),
        ("OLD", "x | mapped('order_statuses')"),
    ),
    "first": (([3, 1, 2], "x | first"),),
    "last": (([3, 1, 2], "x | last"),),
    "list": (("ab", "x | list"),),
    "map": ((GOODS, "x | map(attribute='sku') | list"), (["a"], "x | map('upper') | list")),
    "max": (([3, 1, 2], "x | max"),),
    "min": (([3, 1, 2], "x | min"),),
    "reject": (([1, None, 2], "x | reject('none') | list"),),
    "rejectattr": ((GOODS, "x | rejectattr('ok') | map(attribute='sku') | list"),),
    "reverse": (([3, 1, 2], "x | reverse | list"),),
    "select": (([1, 2, 3], "x | select('odd') | list"),),
    "selectattr": ((GOODS, "x | selectattr('sku', '==', 'B') | list"),),
    "sort": (([3, 1, 2], "x | sort"), (GOODS, "x | sort(attribute='sku') | map(attribute='sku') | list")),
    "unique": (([1, 2, 1], "x | unique | list"),),
}
OF_JINJA = {  # what they do, as Jinja's own texts are for its programmers
    "first": "Take the first of a list.",
    "last": "Take the last of a list.",
    "list": "Make a list of the characters of a text, or of what another filter gives.",
    "map": "Take one attribute of every element, or apply a filter to each.",
    "max": "Take the largest.",
    "min": "Take the smallest.",
    "reject": "Leave out the elements that pass a test.",
    "rejectattr": "Leave out the elements whose attribute passes a test.",
    "reverse": "Turn the order round.",
    "select": "Keep the elements that pass a test.",
    "selectattr": "Keep the elements whose attribute passes a test.",
    "sort": "Put in order.",
    "unique": "Keep each value once.",
}


def filters_text() -> str:
    """Write the table of filters: what each does, and what it gives for some values of `x`."""
    rows = [row for name in FILTERS for row in _filter_rows(name)]
    return "\n".join(["| filter | what it does | `x` | template | gives |", "|---|---|---|---|---|", *rows])


def _filter_rows(name: str) -> Iterator[str]:
    """Write a row for each example; the first names the filter."""
    named = f"| {_code(name)} | {_cell(_purpose(name))}"
    for value, expression in EXAMPLES[name]:
        template = f"{{{{ {expression} }}}}"
        yield f"{named} | {_code(_shown(value))} | {_code(template)} | {_given(value, template)} |"
        named = "| |"


def _purpose(name: str) -> str:
    """Take the first sentence of a filter's docstring, without its examples."""
    if name in OF_JINJA:
        return OF_JINJA[name]
    first = (FILTERS[name].__doc__ or "").splitlines()[0]
    return _with_stop(re.split(r": (?=.* -> )", first)[0])


def _given(value: Any, template: str) -> str:
    """Render an example with the language itself."""
    try:
        return _code(_shown(compile_value(template, timezone=WARSAW, maps=MAPS).render({"x": value})))
    except RenderFault as fault:
        return f"refused: {_cell(fault.reason)}"


def _shown(value: Any) -> str:
    match value:
        case dt.datetime():
            return value.isoformat(sep=" ", timespec="minutes")
        case Decimal():
            return str(value)
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_shown(each)}' for key, each in value.items())}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


# --- the file --------------------------------------------------------------------------------------------------


def written(text: str) -> str:
    """Give the text of the README with its tables made anew."""
    parts = {"mapping": keys_text("mapping"), "project": keys_text("project"), "filters": filters_text()}
    return PART.sub(lambda found: f"{found[1]}{parts[found['name']]}\n{found[3]}", text)


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{_cell(text)}{fence}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _with_stop(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def main() -> str | None:
    """Write what is out of date, or say that something is."""
    with TemporaryDirectory() as folder:
        old = README.read_text(encoding="utf-8")
        new = written(replayed(old, Path(folder).resolve()))
    if "--write" in sys.argv[1:]:
        README.write_text(new, encoding="utf-8")
    elif new != old:
        return "mappings/README.md is out of date: python tests/reference.py --write"
    return None


if __name__ == "__main__":
    sys.exit(main())
