"""Makes bad files out of good ones: every rule of a JSON Schema broken at every path, and what templates get wrong.

A mutant is a list of edits of a document; `written` gives its YAML and the line of every path, so that a test knows
where the fault lies without asking the reader of the engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator

Path: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = Mapping[str, Any]

HUGE = 10**30
OTHER_VALUES: tuple[Any, ...] = (None, True, False, 0, -1, 7, Decimal("1.5"), HUGE, "", " ", "text", [], {})
OTHER_VALUES += ([None], ["text"], [["text"]], {"text": "text"}, {"": None}, "x" * 5_000, "\u0430bc\u200b", "{{ x")

BAD_TEMPLATES = (
    *(
        "{{ x",
        "x }} {{ y",
        "{{ }}",
        "{{ x | }}",
        "{{ x y }}",
        "{{ x. }}",
        "{{ 'x }}",
        "{{ x[ }}",
        "{% x %}",
        "{{ x {# y }}",
    ),
    *("{{ sku | numbr }}", "{{ nothing(1) }}", "{{ range(9) }}", "{{ sku is nothing }}"),
    *("{% if x %}", "{% for x in y %}", "{% endif %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% raw %}{{ x"),
    *("{% macro f() %}{% endmacro %}", "{% extends 'x' %}", "{% block x %}{% endblock %}", "{% set loop = 1 %}{{ x }}"),
    *(
        "{{ x.__class__ }}",
        "{{ x.mro() }}",
        "{{ _x }}",
        "{{ self }}",
        "{{ loop.index }}",
        "{{ 2 ** 9 }}",
    ),
    *("{{ x | decimal }}", "{{ x | decimal(1, 2) }}", "{{ x | decimal(places=) }}", "{{ x | mapped }}", "{{ f(*x) }}"),
    *("{{ x | mapped('nothing') }}", "{{ x | date(1, 2, 3) }}", "{{ {1: } }}", "{{ [1, }}", "{{ 1 if }}", "{{ @ }}"),
    *("{{ " + "(" * 500 + "x" + ")" * 500 + " }}", "{{ " + "not " * 1_000 + "x }}", "{{ x" + ".y" * 1_000 + " }}"),
    *("{{ x" + " + x" * 1_000 + " }}", "{{ 'a\nb }}", "{{ x }}" * 1_000 + "{{", "{{ x \u00a0y }}", "{{ “x” }}"),
)
ODD_TEMPLATES = (  # good or bad, as the place may be
    *(
        "{{ sku | upper }}",
        "{{ nothing_of_the_kind }}",
        "{{ vars.nothing }}",
        "{{ saved.nothing }}",
        "{{ parent.nothing }}",
        "{{ none }}",
    ),
    *("{{ 1 / 0 }}", "{{ 9 // 0 }}", "{{ 'x' * 1000000000 }}", "{{ 'x'.zfill(1000000000) }}", "{{ 9.9 }}", "{{ 1 }}"),
    *("{{ [] }}", "{{ {} }}", "{{ {1: 2} }}", "{{ {'a': none} }}", "{{ true }}", "{{ 'a' < 1 }}", "{{ none + 1 }}"),
    *(
        "{{ row }}",
        "{{ line }}",
        "{{ lines }}",
        "{{ removed }}",
        "{{ body }}",
        "{{ item }}",
        "{{ cursor }}",
        "{{ vars }}",
    ),
    *("{% set a = 1 %}{{ a }}", "{% set a = 1 %}", "{{ 'x' | number }}", "{{ 'x' | date }}", "{{ 'x' | instant }}"),
    *("{{ 'x' | decimal(2) }}", "{{ 1 | decimal(99999999) }}", "{{ 1 | decimal(-5) }}", "{{ '' | path }}"),
    *(
        "{{ 'ą\\n' }}",
        "{{ 1 | sort }}",
        "{{ row | map('number') | list }}",
        "{{ row | first }}",
        "{{ [1, 'a'] | sort }}",
    ),
    *("{{ [1, 'a'] | max }}", "{{ ['a'] | map(attribute='b.c') | list }}", "{{ [] | first }}", "{{ row.items() }}"),
    *("{% for i in row %}{{ i }}{% endfor %}", "{{ 'a'.split('') }}", "{{ 'a'.join(1) }}", "{{ 'a'.replace() }}"),
    *("{{ 9999999999999999999999 * 9999999999999999999 }}", "{{ '2026-02-30' | date }}", "{{ '25:61' | instant }}"),
    *("text {{ 'x' }} text", "{{ 'x' }}{{ none }}", "{{ x or y and z }}", "{{ x if y else z }}", "{{ -'a' }}"),
)
BAD_CRONS: tuple[str, ...] = (
    *("* * * * *", "* * * * * * *", "60 * * * * *", "* 60 * * * *", "* * 24 * * *", "* * * 0 * *", "* * * 32 * *"),
    *("* * * * 13 *", "* * * * * 8", "0 0 0 30 2 *", "0 0 0 31 4 *", "*/0 * * * * *", "5-1 * * * * x", "@daily"),
    *("a b c d e f", "0 0 0 L-3 * *", "0 0 0 * * MON#2", "H * * * * *", "R * * * * *", "-1 * * * * *", "1- * * * * *"),
    *("1,, * * * * *", "0 0 0 15W * *", "0 */99 * * * *", "0 0 12:30 * * *", "٣ * * * * *", "0 0 0 29 2 MONDAY"),
)
BAD_CRONS += ("1" * 500 + " * * * * *", ",".join("1" * 5_000) + " * * * * ", "0 0 0 * FEB,XYZ *", "2026-02-30", "24:00")
ODD_PLAIN = (
    *("2026-02-30", "2026-13-01T25:61:61", "0000-00-00", "10000-01-01", "12:60", "NaN", "1e999999", "-0", "١٢"),
    *("\x85", "a\tb", "a\r\nb: c", "'", '"', "\\", "%", "#", "&a", "*a", "!!int", "? :", "- a", "<<", "~", "null"),
    *("../../../etc/passwd", "/", "C:\\x", "//host/x", "http://", "https://a b/", "://", "${X", "${}", "${A B}"),
    *("$${X}", "${file:}", "${X:-${Y}}", "🙂", "ﬁ", "İ", "ß", "a" * 100_000),
)


@dataclass(frozen=True, slots=True)
class Raw:
    """YAML as it is, instead of a value."""

    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a document, and where its fault is to be told."""

    kind: str
    path: Path
    new: Any = None  # the value, or the key
    told_at: Path | None = None  # the path whose line the fault stands on; None: it may be right, or told elsewhere
    word: str = ""  # what the message names

    def applied(self, document: Any) -> Any:
        """Give the document with this edit; `document` is unchanged."""
        return _edited(document, self.path, self)


class Twice(dict[str, Any]):
    """A map one of whose keys stands there a second time."""

    again: str = ""


def _edited(value: Any, path: Path, edit: Edit) -> Any:
    if len(path) > 1:
        step: Any = path[0]
        copied = _copied(value)
        copied[step] = _edited(value[step], path[1:], edit)
        return copied
    if not path:
        return edit.new
    key: Any = path[0]
    copied = _copied(value)
    match edit.kind:
        case "missing":
            del copied[key]
        case "renamed":
            copied = type(copied)((edit.new if name == key else name, each) for name, each in value.items())
        case "twice":
            copied = Twice(value)
            copied.again = key
        case _:
            copied[key] = edit.new
    return copied


def _copied(value: Any) -> Any:
    copied = value.copy()
    if isinstance(value, Twice):
        copied = Twice(value)
        copied.again = value.again
    return copied


# --- what may be broken ---------------------------------------------------------------------------------------


def edits(document: Any, schema: Schema) -> Iterator[Edit]:
    """Yield every way of breaking a document that its schema knows, and those that only a reader knows."""
    rules: dict[Path, list[Schema]] = {}
    for path, rule in used(document, schema):
        rules.setdefault(path, []).append(rule)
    for path, found in rules.items():
        value = _at(document, path)
        if isinstance(value, dict):
            yield from _of_map(path, value, found)
        for new in _others(path, value, found):
            # A type decides which keys stand beside it, and of two equal entries the second is blamed.
            elsewhere = path[-1:] == ("type",) or (path and isinstance(path[-1], int) and isinstance(new, str))
            told_at = path[:-1] if elsewhere else path
            yield Edit("value", path, new, told_at=told_at)  # unless the schema allows it: `must_be_told`
        if path:
            yield from _of_text(path, value)


def must_be_told(edit: Edit, document: Any, schema: Schema) -> bool:
    """Tell whether a fault has to be found at the place of an edit of a good document."""
    if edit.kind == "value":
        return not Draft202012Validator(schema).is_valid(edit.applied(document))
    return edit.told_at is not None


def _others(path: Path, value: Any, rules: Sequence[Schema]) -> Iterator[Any]:
    yield from OTHER_VALUES
    for rule in rules:
        if isinstance(minimum := rule.get("minimum", rule.get("exclusiveMinimum")), int):
            yield from (minimum, minimum - 1, str(minimum))
        if isinstance(maximum := rule.get("maximum"), int):
            yield from (maximum, maximum + 1)
        for known in rule.get("enum", ()):
            yield from (known, known.upper(), known[:-1], [known])
    if isinstance(value, list):
        yield from ([*value, *value], [*value, None], {"0": value}, value[:1] * 3)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        yield str(value)
    if isinstance(value, str):
        yield from (
            value.upper(),
            value + "_",
            f" {value} ",
            [value],
            {value: value},
            f"{{{{ {value} }}}}",
            value + "\n",
        )


def _of_map(path: Path, value: dict[str, Any], rules: Sequence[Schema]) -> Iterator[Edit]:
    required = {key for rule in rules for key in rule.get("required", ())}
    shut = [set(rule["properties"]) for rule in rules if rule.get("additionalProperties") is False]
    kinds = set[str]().union(*shut) if shut else None  # the keys that there are; None: any
    pattern = any("propertyNames" in rule for rule in rules)
    for key in value:
        here = (*path, key)
        yield Edit(
            "missing", here, told_at=path if key in required else None, word=f"`{key}`" if key in required else ""
        )
        yield Edit("twice", here, told_at=here, word=f"`{key}`")
        misspelt = _misspelt(key)
        closed = kinds is not None and key != "type"
        yield Edit(
            "renamed", here, misspelt, told_at=(*path, misspelt) if closed else None, word=misspelt if closed else ""
        )
        look_alike = key.replace("e", "\u0435").replace("o", "\u043e").replace("a", "\u0430")
        yield Edit("renamed", here, look_alike + "\u200b", told_at=None)
    for key in ("unknown", "1", "null", "a b", "ą", "$each", "$value", "on", "<<x"):
        here = (*path, key)
        if key not in value:
            closed = kinds is not None and key not in kinds and not key.startswith("$")  # which give it other rules
            yield Edit("added", here, "x", told_at=here if closed else None, word=key if closed else "")
    if pattern:
        for key in ("1a", "a b", "a-b", "ą", "A.b", "$x", "", "a\nb"):
            yield Edit("added", (*path, key), "x")


def _of_text(path: Path, value: Any) -> Iterator[Edit]:
    if not isinstance(value, str):
        return
    bad = any(part in ("fields", "request", "requests", "write") for part in path) and "{{" in value
    for text in BAD_TEMPLATES:
        yield Edit("template", path, text, told_at=path if bad else None)
    for text in (*ODD_TEMPLATES, *ODD_PLAIN):
        yield Edit("text", path, text)
    if path[-1] == "schedule":
        for text in BAD_CRONS:
            yield Edit("cron", path, text, told_at=path)
    raw = (
        *(
            "!!python/object:os.system x",
            "!!binary aGk=",
            "!!str 1",
            "!x y",
            "&a x",
            "*nothing",
            "&a [*a]",
            "&a {b: *a}",
        ),
        *(
            "{a: 1, a: 2}",
            "{<<: {a: 1}}",
            "{? [1]: 2}",
            "{{ x }}",
            "[a, b",
            "'x",
            '"x',
            '"\\q"',
            "@x",
            "`x",
            "%x",
            "x: y",
        ),
        *(
            ".nan",
            "-.inf",
            "0x1F",
            "0o17",
            "1_000",
            "9" * 5_000,
            "1e99999",
            "2026-02-30",
            "12:30:61",
            "| x",
            ">-",
            "[,]",
        ),
        *(
            '"\\ud800"',
            '"\\0"',
            '"\\e[31m"',
            '"\\U00110000"',
            '"\\xzz"',
            '"\\N\\_\\L"',
            "\ufeff",
            "\tx",
            "x\ty",
            "-",
            "?",
            ":",
        ),
        *("[" * 60 + "]" * 60, "[" * 10_000, "{a: " * 60 + "1" + "}" * 60, "&a [1,1,1,1,1,1,1,1,1]", "x # y", "#"),
    )
    for text in raw:
        yield Edit("raw", path, Raw(text))


def _misspelt(key: str) -> str:
    """Give a near name that is none of ours."""
    return key[:-2] + key[-1] + key[-2] if len(key) > 3 and key[-1] != key[-2] else key + "s" * 1 + "x"


def several(chosen: Sequence[Edit], *, at_most: int) -> list[Edit]:
    """Keep the first of those edits, and others whose places are apart from it, so that none hides another."""
    kept = list(chosen[:1])
    for edit in chosen[1:]:
        if len(kept) < at_most and edit.path and all(_apart(edit, other) for other in kept):
            kept.append(edit)
    return kept


def _apart(edit: Edit, other: Edit) -> bool:
    one, two = (edit.path[:-1], other.path[:-1])
    shorter = min(len(one), len(two))
    return one[:shorter] != two[:shorter]


# --- the rules that apply to a place --------------------------------------------------------------------------


def used(document: Any, schema: Schema) -> Iterator[tuple[Path, Schema]]:
    """Yield every rule of a schema that a document meets, with its place."""
    yield from _rules(schema, schema, (), document)


def _rules(root: Schema, rule: Any, path: Path, value: Any) -> Iterator[tuple[Path, Schema]]:
    """Yield every rule with the path of the value that it is for, as far as `value` meets its conditions."""
    if not isinstance(rule, Mapping):
        return
    yield path, rule
    if reference := rule.get("$ref"):
        yield from _rules(root, _referred(root, reference), path, value)
    for inner in rule.get("allOf", ()):
        yield from _rules(root, inner, path, value)
    if "if" in rule:
        branch = "then" if _meets(root, rule["if"], value) else "else"
        yield from _rules(root, rule.get(branch), path, value)
    if isinstance(value, dict):
        known = rule.get("properties", {})
        for key, each in value.items():
            yield from _rules(root, known.get(key, rule.get("additionalProperties")), (*path, key), each)
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _rules(root, rule.get("items"), (*path, index), each)


def _meets(root: Schema, rule: Schema, value: Any) -> bool:
    return Draft202012Validator({**rule, "$defs": root.get("$defs", {})}).is_valid(value)


def _referred(root: Schema, reference: str) -> Any:
    found: Any = root
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


# --- as YAML ---------------------------------------------------------------------------------------------------


def written(document: Any) -> tuple[str, dict[Path, int]]:
    """Write a document as YAML, one key a line; with the line of every path, of a key that stands twice the second."""
    lines: list[str] = []
    places: dict[Path, int] = {(): 1}
    _write(document, (), 0, lines, places)
    return "\n".join(lines) + "\n", places


def _write(value: Any, path: Path, indent: int, lines: list[str], places: dict[Path, int]) -> None:
    """Append the lines of a map or list; of anything else one line."""
    blank = " " * indent
    if isinstance(value, dict) and value:
        entries = [*value.items(), *([(value.again, value[value.again])] if isinstance(value, Twice) else [])]
        for key, each in entries:
            places[(*path, key)] = len(lines) + 1
            _entry(f"{blank}{_key(key)}:", each, (*path, key), indent, lines, places)
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            places[(*path, index)] = len(lines) + 1
            if isinstance(each, dict | list) and each:
                before = len(lines)
                _write(each, (*path, index), indent + 2, lines, places)
                lines[before] = f"{blank}- {lines[before].lstrip(' ')}"
            else:
                lines.append(f"{blank}- {_scalar(each)}")
    else:
        lines.append(blank + _scalar(value))


def _entry(head: str, value: Any, path: Path, indent: int, lines: list[str], places: dict[Path, int]) -> None:
    if isinstance(value, dict | list) and value:
        lines.append(head)
        _write(value, path, indent + 2, lines, places)
    else:
        lines.append(f"{head} {_scalar(value)}")


@cache
def _key(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else json.dumps(key, ensure_ascii=False)


def _scalar(value: Any) -> str:
    match value:
        case Raw():
            return value.text
        case None | bool() | dict() | list() | str():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def spans(places: Mapping[Path, int], path: Path) -> range:
    """Give the lines of a value: its key's, and those of all within it."""
    inside = [line for each, line in places.items() if each[: len(path)] == path]
    return range(min(inside), max(inside) + 1)
