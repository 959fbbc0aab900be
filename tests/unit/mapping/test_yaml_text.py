"""YAML text becomes values that know their places, and every fault has one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml

from engine.mapping.load import yaml_text
from engine.mapping.load.yaml_text import Document, parse
from engine.values.errors import Place, Problem

SCALARS: list[tuple[str, Any]] = [
    ("no", "no"),
    ("on", "on"),
    ("Yes", "Yes"),
    ("12:30", "12:30"),
    ("1_000", "1_000"),
    ("2026-11-24", "2026-11-24"),
    ("20%", "20%"),
    ("0b1", "0b1"),
    ("1.2.3", "1.2.3"),
    (".", "."),
    ("true", True),
    ("FALSE", False),
    ("~", None),
    ("null", None),
    ("12", 12),
    ("-12", -12),
    ("+12", 12),
    ("007", 7),
    ("0o14", 12),
    ("0x1F", 31),
    ("1.10", Decimal("1.10")),
    (".5", Decimal("0.5")),
    ("1.", Decimal("1")),
    ("1e3", Decimal("1E+3")),
    ("0.1", Decimal("0.1")),
    ("'12'", "12"),
    ('"true"', "true"),
    ("''", ""),
    ("|\n  a\n  b\n", "a\nb\n"),
    (">-\n  a\n  b", "a b"),
]

FAULTS = [
    (b"", "E_FILE_EMPTY", "f.yaml:1:1: the file is empty"),
    (b"---\n", "E_FILE_EMPTY", "f.yaml:1:1: the file is empty"),
    ("a: 1".encode("utf-16"), "E_ENCODING", "f.yaml:1:1: the file is UTF-16: save it as UTF-8"),
    (b"a: x\nb: zi\xf3\xb3\n", "E_ENCODING", "f.yaml:2:6: byte 0xF3 is not UTF-8: save the file as UTF-8"),
    (b"a: x\r\nb: \x07\r\n", "E_ENCODING", "f.yaml:2:4: control character U+0007: remove it"),
    (b"a: @x\n", "E_YAML_SYNTAX", "f.yaml:1:4: found character '@' that cannot start any token; quote the value"),
    (
        b"a: b: c\n",
        "E_YAML_SYNTAX",
        "f.yaml:1:5: mapping values are not allowed here; check the indentation, or quote a value that holds `: `",
    ),
    (
        b"a: 1\nb\nc: 2\n",
        "E_YAML_SYNTAX",
        "f.yaml:3:1: could not find expected ':' (while scanning a simple key that began on line 2); "
        "a key needs a colon and a value",
    ),
    (
        b'a: "\\q"\n',
        "E_YAML_SYNTAX",
        "f.yaml:1:6: found unknown escape character 'q'; write the text in single quotes",
    ),
    (
        b"a: 'x\n",
        "E_YAML_SYNTAX",
        "f.yaml:2:1: found unexpected end of stream (while scanning a quoted scalar that began on line 1); "
        "a closing quote is missing",
    ),
    (b"a: {{ x }}\n", "E_YAML_KEY", 'f.yaml:1:5: a template has to be quoted, as in "{{ name }}"'),
    (b"? [a]\n: b\n", "E_YAML_KEY", "f.yaml:1:3: a key has to be a text"),
    (b"a: &x b\n*x : c\n", "E_YAML_KEY", "f.yaml:2:1: an alias cannot be a key: write the key out"),
    (b"a: &x [*x]\n", "E_YAML_ALIAS", "f.yaml:1:8: alias `*x` contains itself"),
    (b"a: .nan\n", "E_YAML_NUMBER", "f.yaml:1:4: `.nan` is not a number that JSON can carry: quote a text"),
    (
        b"a: " + b"9" * 5000,
        "E_YAML_NUMBER",
        f"f.yaml:1:4: `{'9' * 20}` is not a number that JSON can carry: quote a text",
    ),
    (
        b"a: !!python/object:os.system x\n",
        "E_YAML_TAG",
        "f.yaml:1:4: tags such as `!!python/object:os.system` are not supported: remove it; quote a text",
    ),
    ("a: 1".encode("utf-16-le"), "E_ENCODING", "f.yaml:1:1: the file is UTF-16: save it as UTF-8"),
    (b'a: "\\ud800"\n', "E_ENCODING", "f.yaml:1:4: the escape of the control character U+D800: remove it"),
    (b'"\\0": 1\n', "E_ENCODING", "f.yaml:1:1: the escape of the control character U+0000: remove it"),
    (
        b'a: 1\nb: "\\U00110000"\n',
        "E_YAML_SYNTAX",
        "f.yaml:2:5: `\\U` takes the 8 hexadecimal digits of a character, 00000000 to 0010FFFF",
    ),
    (
        "\u00a0a: 1\n".encode(),
        "E_ENCODING",
        "f.yaml:1:1: U+00A0 looks like a space or like nothing: type a plain space, or quote the text",
    ),
    (
        "a:\n\u00a0 b: 1\n  c: 2\n".encode(),
        "E_YAML_SYNTAX",
        "f.yaml:2:1: U+00A0 is no blank to YAML: type a plain space",
    ),
    ("a: {b: ”{x}”}\n".encode(), "E_YAML_SYNTAX", "f.yaml:1:8: U+201D is no quote to YAML: type ' or \""),
    (
        b"a: {q: SELECT x, y FROM z, k: 1}\n",
        "E_YAML_KEY",
        "f.yaml:1:18: `y FROM z` has no value; if a comma in a text was meant, quote the whole text",
    ),
    (b"[" * 900_000, "E_YAML_DEPTH", "f.yaml:1:51: more than 50 levels deep: flatten it"),
    (
        b"x" * 1_000_001,
        "E_FILE_TOO_LARGE",
        "f.yaml:1:1: the file has more than 1,000,000 bytes: split it",
    ),
]

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n".encode()
    for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    document = parse(f"a: {text}".encode(), "f.yaml")

    assert (document.value, document.problems) == ({"a": value}, ())
    assert type(document.value["a"]) is type(value)


def test_a_key_is_the_text_that_was_written() -> None:
    document = parse(b"on: 1\n404: 2\ntrue: 3\nnull: 4\n1.0: 5\n", "f.yaml")

    assert document.value == {"on": 1, "404": 2, "true": 3, "null": 4, "1.0": 5}


@pytest.mark.parametrize(("text", "code", "message"), FAULTS)
def test_a_fault_has_its_place_and_its_remedy(text: bytes, code: str, message: str) -> None:
    assert [(problem.code, str(problem)) for problem in parse(text, "f.yaml").problems] == [(code, message)]


def test_aliases_are_bounded_after_their_expansion() -> None:
    [problem] = parse(BOMB, "f.yaml").problems

    assert problem.code == "E_YAML_TOO_MANY"


def test_an_alias_stands_for_the_value_and_its_places() -> None:
    document = parse(b"a: &x\n  k: [1]\nb: *x\n", "f.yaml")

    assert document.value == {"a": {"k": [1]}, "b": {"k": [1]}}
    assert document.places[("b",)] == Place(file="f.yaml", line=3, column=1)
    assert document.places[("b", "k", 0)] == Place(file="f.yaml", line=2, column=7)


def test_every_duplicate_is_told() -> None:
    document = parse(b"a: 1\nb:\n  c: 1\n  'c': 2\na: 2\n", "f.yaml")

    assert document.problems == (
        Problem(
            code="E_DUPLICATE_KEY",
            message="`c` stands here twice, first on line 3: keep one",
            place=Place(file="f.yaml", line=4, column=3),
        ),
        Problem(
            code="E_DUPLICATE_KEY",
            message="`a` stands here twice, first on line 1: keep one",
            place=Place(file="f.yaml", line=5, column=1),
        ),
    )


def test_places_count_characters_from_one_and_a_byte_order_mark_is_none() -> None:
    document = parse("\ufeffż: {ó: 1, b: [x, {c: 2}]}\r\nd: 3\r\n".encode(), "f.yaml")

    assert document == Document(
        value={"ż": {"ó": 1, "b": ["x", {"c": 2}]}, "d": 3},
        places={
            (): Place(file="f.yaml", line=1, column=1),
            ("ż",): Place(file="f.yaml", line=1, column=1),
            ("ż", "ó"): Place(file="f.yaml", line=1, column=5),
            ("ż", "b"): Place(file="f.yaml", line=1, column=11),
            ("ż", "b", 0): Place(file="f.yaml", line=1, column=15),
            ("ż", "b", 1): Place(file="f.yaml", line=1, column=18),
            ("ż", "b", 1, "c"): Place(file="f.yaml", line=1, column=19),
            ("d",): Place(file="f.yaml", line=2, column=1),
        },
    )


@pytest.mark.parametrize(
    "text", [b"a: {b: [1, 'x']}\nc: |\n  d\ne: &x f\ng: *x\n", b"a: @x\n", b"# \xc5\xbc\nb: [\xc5\xbc, c]\n"]
)
def test_without_libyaml_everything_is_the_same(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = parse(text, "f.yaml")
    monkeypatch.setattr(yaml_text, "FAST", yaml.SafeLoader)

    assert parse(text, "f.yaml") == fast
