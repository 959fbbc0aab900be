"""Templates as an attacker writes them, and rows as an attacker fills them: nothing is reached, nothing grows."""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.templates import RenderFault, TemplateFaults, compile_fields, compile_value, effort_limit
from engine.values.records import Refusal

CHECKOUT = Path(__file__).parents[3]
TOO_MUCH = "takes more than 100,000 steps and characters"

VALUES: Mapping[str, Any] = {
    "s": "abc",
    "l": [1, "a"],
    "d": {"a": 1},
    "n": Decimal("1.5"),
    "t": dt.datetime(2031, 3, 2, 12, tzinfo=dt.UTC),
    "name": "$append",
    "row": {"a": 1},
}


def outcome(template: str, values: Mapping[str, Any] = VALUES) -> Any:
    """Give a template's value, or the kind of its refusal."""
    try:
        return compile_value(template, timezone=dt.UTC).render(values)
    except (TemplateFaults, RenderFault) as refused:
        return type(refused).__name__


# --- the way to Python ---------------------------------------------------------------------------------------

DUNDERS = ("__class__", "__init__", "__globals__", "__self__", "__mro__", "__dict__", "__getattribute__", "_fields")
OTHERS = ("real", "mapping", "gi_frame", "f_back", "cr_frame", "_iterable", "format", "format_map", "as_tuple")
WAYS = (
    "{{ %(on)s.%(name)s }}",
    "{{ %(on)s['%(name)s'] }}",
    "{{ %(on)s['%(left)s' ~ '%(right)s'] }}",
    "{{ [%(on)s] | map(attribute='%(name)s') | list }}",
    "{{ [%(on)s] | map(attribute='x.%(name)s') | list }}",
    "{{ [%(on)s] | selectattr('%(name)s') | list | first }}",
    "{{ [%(on)s, %(on)s] | sort(attribute='%(name)s') }}",
    "{{ [%(on)s] | min(attribute='%(name)s') }}",
    "{{ [%(on)s] | unique(attribute='%(name)s') | list }}",
    "{{ [%(on)s] | sum(attribute='%(name)s') }}",
    "{{ %(on)s | attr('%(name)s') }}",
    "{{ [%(on)s] | map('attr', '%(name)s') | list }}",
    "{{ %(on)s.%(name)s() }}",
    "{{ (%(on)s | map('text')).%(name)s }}",
)
VALUES_REACHED = ("s", "l", "d", "n", "t", "1", "none", "d.items()")


@pytest.mark.parametrize("name", [*DUNDERS, *OTHERS])
def test_no_attribute_leads_out_of_a_value(name: str) -> None:
    half = len(name) // 2
    parts = {"name": name, "left": name[:half], "right": name[half:]}
    templates = [way % {**parts, "on": on} for way in WAYS for on in VALUES_REACHED]

    reached = {template: outcome(template) for template in templates}

    assert {template: value for template, value in reached.items() if value not in REFUSED} == {}


REFUSED = ("TemplateFaults", "RenderFault")
NAMES = (
    "_rows _row_0 _column_0 _context self caller varargs kwargs super environment context resolve missing undefined"
    " Undefined concat cond_expr_undefined eval_ctx blocks parent_template t_1 l_0_s cycler joiner namespace lipsum"
    " range dict g request config get_flashed_messages url_for"
)


@pytest.mark.parametrize(
    "template",
    [f"{{{{ {name} }}}}" for name in NAMES.split()]
    + [f"{{{{ {name}(1) }}}}" for name in NAMES.split()]
    + [
        "{{ s.format(d) }}",
        "{{ s.format_map(d) }}",
        "{{ '%s' % s }}",
        "{{ s | format(d) }}",
        "{{ s.encode() }}",
        "{{ s.translate(d) }}",
        "{{ l.append(1) }}",
        "{{ d.update(a=1) }}",
        "{{ d.pop('a') }}",
        "{{ d.setdefault('b', 1) }}",
        "{{ t.replace(year=1) }}",
        "{{ t.strftime('%c') }}",
        "{{ t.now() }}",
        "{{ t.tzinfo }}",
        "{{ loop }}",
        "{% for x in l %}{{ loop.cycle(1, 2) }}{% endfor %}",
        "{% for x in l %}{{ loop(l) }}{% endfor %}",
        "{% for x in l %}{{ loop['_iterable'] }}{% endfor %}",
        "{% for x in l %}{{ [loop] | map(attribute='_iterator') | list | join }}{% endfor %}",
        "{% set d.a = 1 %}",
        "{% set x = namespace(a=1) %}",
        "{% include s %}",
        "{% import s as x %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ l | map('map', '$append', 1) | map('list') | list }}",
        "{{ [l] | map('map', '$append', 1) | map('list') | list }}",
        "{{ [l] | map(name, 1) | list }}",
        "{{ [l] | map('$app' ~ 'end', 1) | list }}",
        "{{ [d] | map('map', '$under', 1) | map('list') | list }}",
        "{{ l | $append(1) }}",
        "{{ l is filter }}",
        "{{ l | select('filter') | list }}",
    ],
)
def test_nothing_behind_the_language_is_reached_or_changed(template: str) -> None:
    values = deepcopy(dict(VALUES))

    assert outcome(template, values) in REFUSED
    assert values == VALUES


ODD_NAMES = [
    "__import__('os')", 'a"b', "a'b", "a\nb", "a\\", "", " ", "#", "\0", "{{ x }}", "{% raw %}", "a:b", "class",
    "lambda", "None", "True", "none", "and", "environment", "context", "resolve", "missing", "t_1", "l_0_v",
    "_rows", "_row_0",
    "_column_0", "loop", "self", "caller", "super", "row", "parent", "x" * 300, "\ud800", "\ufb01", "\u00aa",
    "\u212b",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_column_of_any_name_is_a_name_and_no_code(name: str) -> None:
    spec = {"value": "{{ row[n] }}", "other": "{{ other }}", "last": "{{ fi }}{{ A }}{{ a }}"}
    columns = [name, "n", "other", "fi", "A", "a"]
    compiled = compile_fields(spec, on_null="send", timezone=dt.UTC)

    (line,) = compiled.render([("here", name.replace("\ud800", ""), "O", "1", "2", "3")], columns, {})

    expected = {"value": "here", "other": "O", "last": "123"}
    if "\ud800" in name:
        assert isinstance(line, Refusal)
    else:
        assert json.loads(line.decode() if isinstance(line, bytes) else "null") == expected


@pytest.mark.parametrize("name", ["\ufb01", "\u00aa", "\u212a", "\U0001d431"])
def test_a_name_that_python_would_take_for_another_is_a_fault(name: str) -> None:
    assert (
        outcome(f"{{{{ {name} }}}}", {name: "own", "fi": "other", "a": "other", "K": "other", "x": "other"})
        == "TemplateFaults"
    )


# --- bombs ---------------------------------------------------------------------------------------------------

LONG = "9" * 900
STATIC_BOMBS = [
    "{{ 'x' * 10000000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ 0x" + "f" * 5000 + " }}",
    "{{ " + "1_" * 4000 + "1 }}",
    "{{ 1 | decimal(1000000000) }}",
    "{{ '1e999999999' | number }}",
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    "{{ " + "[" * 200 + "]" * 200 + " }}",
    "{{ " + "not " * 2000 + "1 }}",
    "{{ " + "-" * 2000 + "1 }}",
    "{{ " + "1+" * 4000 + "1 }}",
    "{{ 1" + "|text" * 1500 + " }}",
    "{% if 1 %}" + "{% elif 1 %}" * 6000 + "{% endif %}",
    "{{ s }}x" * 2000,
    "{{ s.ljust(10000000000) }}",
    "{{ s.zfill(10000000000) }}",
    "{{ '1'.rjust(2 * 50000) }}",
]


@pytest.mark.parametrize("template", STATIC_BOMBS)
def test_a_bomb_that_its_text_shows_is_refused(template: str) -> None:
    assert outcome(template) in REFUSED


SOME = [{"a": number, "s": "ab", "z": None} for number in range(60)]
GROWING_BOMBS: Mapping[str, Any] = {
    "loops": "{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}",
    "an empty loop over characters": "{% for a in long %}{% for b in long %}{% endfor %}{% endfor %}",
    "a filtered loop": "{% for a in l %}{% for b in l if b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}",
    "a text twice": "{% set x = s %}" + "{% set x = x ~ x %}" * 30,
    "a text added": "{% set x = s %}" + "{% set x = x + x %}" * 30,
    "a block": "{% set x = s %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 30,
    "a list added": "{% set x = l %}" + "{% set x = x + x %}" * 30,
    "replace, the filter": "{{ s" + " | replace('x', 'xxxxxxxxxx')" * 10 + " }}",
    "replace, the method": "{{ s" + ".replace('x', 'xxxxxxxxxx')" * 10 + " }}",
    "replace of nothing": "{{ s" + ".replace('', s)" * 10 + " }}",
    "join, the filter": "{{ s" + " | join('xxxxxxxxxx')" * 10 + " }}",
    "join, the method": "{{ " + "s.join(" * 10 + "s" + ")" * 10 + " }}",
    "join of a list not yet made": "{{ s.ljust(9000).join(l | map(attribute='s')) }}",
    "split": "{{ long.split('x') | length }}" * 4,
    "a slice": "{% for a in l %}{% for b in l %}{{ s[1:] | length }}{% endfor %}{% endfor %}",
    "a search": "{% for a in l %}{% for b in l %}{{ a in l }}{% endfor %}{% endfor %}",
    "a search by filter": "{% for a in l %}{{ l | select('in', l) | list | length }}{% endfor %}",
    "a comparison": "{% for a in l %}{% for b in l %}{{ l == m }}{% endfor %}{% endfor %}",
    "sorting": "{% for a in l %}{% for b in l %}{{ l | sort(attribute='a') | length }}{% endfor %}{% endfor %}",
    "a fallback": "{{ l | map(attribute='z') | map('default', long) | list }}",
    "long numbers": "{% for a in l %}{% set x = (" + LONG + " + loop.index) % " + LONG[:300] + " %}{% endfor %}",
    "an element's parent": {"$each": "l", "text": "{{ parent.long }}"},
    "an element's list of its parent": {"$each": "l", "m": {"$each": "parent.l", "n": "{{ parent.parent.l }}"}},
    "elements of elements": {"$each": "l", "m": {"$each": "parent.l", "n": {"$each": "parent.parent.l", "a": 1}}},
    "a reference in elements": {"$each": "l", "text": "{{ ref.text }}"},
}  # fmt: skip


@pytest.mark.parametrize("spec", GROWING_BOMBS.values(), ids=GROWING_BOMBS)
def test_a_bomb_that_grows_with_its_row_rejects_that_row_alone(spec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort_limit, "MAX_EFFORT", 100_000)
    compiled = compile_fields({"value": spec, "key": "{{ s }}"}, on_null="send", timezone=dt.UTC, outside=["ref"])
    columns = ["s", "l", "m", "long", "none", "ref"]
    small: tuple[Any, ...] = ("", [], [], "", None, {"text": ""})
    hostile = ("x" * 60, SOME, deepcopy(SOME), "x" * 5000, None, {"text": "x" * 5000})

    before, refused, after = compiled.render([small, hostile, small], columns, {})

    assert isinstance(refused, Refusal)
    assert refused.reason.startswith(TOO_MUCH)
    assert str(refused.field).startswith("value")
    assert isinstance(before, bytes)
    assert before == after


@pytest.mark.parametrize(
    ("spec", "rows"),
    [
        ({"$each": "l", "a": "{{ a }}", "b": "{{ b | number }}", "n": "{{ parent.n }}"}, 100_000),
        ("{% for each in l %}{{ each.a }};{% endfor %}", 100_000),
        ("{{ l | map(attribute='a') | join(', ') }}", 200_000),
    ],
)
def test_a_large_record_is_no_bomb(spec: Any, rows: int) -> None:
    compiled = compile_fields({"value": spec}, on_null="send", timezone=dt.UTC)

    (line,) = compiled.render([([{"a": 1, "b": "2"}] * rows, 7)], ["l", "n"], {})

    assert isinstance(line, bytes)


WORST = """
import datetime as dt, resource
from engine.templates import compile_fields
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
resource.setrlimit(resource.RLIMIT_CPU, (90, 90))
rows = [{"a": number} for number in range(2000)]
for spec in (
    "{% set x = s %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}",
    {"$each": "l", "m": {"$each": "parent.l", "n": {"$each": "parent.parent.l", "a": "{{ a }}"}}},
    {"$each": "l", "text": "{{ parent.s }}"},
):
    compiled = compile_fields({"value": spec}, on_null="send", timezone=dt.UTC)
    (result,) = compiled.render([("x" * 1_000_000, rows)], ["s", "l"], {})
    print(result.reason[:24])
"""


def test_the_true_limit_holds_in_a_process_with_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORST], cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False
    )

    assert (done.stdout.split("\n"), done.stderr) == (["takes more than 20,000,000"[:24]] * 4 + [""], "")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_000_000  # KiB
