"""The template language of mappings: sandboxed Jinja, compiled once into a loop that gives one value a row.

    spec --parse--> one expression --Loop--> a generator over rows --> lines (`Fields`) or values (`Value`)

A map of a spec with `$each: NAME` is a list: its other keys are rendered for each element of the list NAME.
The element's columns are variables and `row` is the element; `parent` is the row around it (`parent.parent` the row
around that), `vars` and the refs are as outside, and an element that is no map is called `item`. An empty or null
list gives `[]`, or with `$on_empty: omit` nothing, with `reject` a refusal; `$value` makes a list of plain values.

`offered` says what templates may use, `checks` refuses the rest at load, and `language` once more at evaluation.
"""

from __future__ import annotations

from engine.templates.compiled import Fields, Value, compile_fields, compile_value
from engine.templates.faults import RenderFault, TemplateFault, TemplateFaults
from engine.templates.nulls import NULLS
from engine.templates.offered import FILTERS
from engine.templates.scope import names_in

__all__ = [
    "FILTERS",
    "NULLS",
    "Fields",
    "RenderFault",
    "TemplateFault",
    "TemplateFaults",
    "Value",
    "compile_fields",
    "compile_value",
    "names_in",
]
