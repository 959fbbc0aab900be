"""The template language of mappings: sandboxed Jinja, compiled once into a loop that gives one value a row.

    spec --parse--> one expression --Loop--> a generator over rows --> lines (`Fields`) or values (`Value`)

`offered` says what templates may use, `checks` refuses the rest at load, and `language` once more at evaluation.
"""

from __future__ import annotations

from engine.templates.compiled import Fields, Value, compile_fields, compile_value
from engine.templates.faults import RenderFault, TemplateFault, TemplateFaults
from engine.templates.nulls import NULLS
from engine.templates.offered import FILTERS

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
]
