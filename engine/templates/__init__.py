"""The template language of mappings: sandboxed Jinja, compiled once into a loop that gives one value a row.

    spec --parse--> one expression --Loop--> a generator over rows --> lines (`Fields`) or values (`Value`)

A map of a spec with `$each: NAME` is a list: its other keys are rendered for each element of the list NAME.
The element's columns are variables and `row` is the element; `parent` is the row around it (`parent.parent` the row
around that), `vars` and the refs are as outside, and an element that is no map is called `item`. An empty or null
list gives `[]`, or with `$on_empty: omit` nothing, with `reject` a refusal; `$value` makes a list of plain values.

`offered` says what templates may use, `allowed_syntax` refuses the rest at load, and `jinja` once more at evaluation.

    project_language  what all templates of a project share, and how its parts are compiled with it
    compile           compiled specs: `Fields` for the lines of a mapping, `Value` for everything else
    parse             from a spec to one expression, checked as a whole
    scope             what the templates of one row use
    loop              one loop over rows: a spec as a generator that gives one value a row
    generator         from Jinja's nodes to Python that keeps types
    elements          the elements of `$each`
    nulls             the null reference, and what becomes of a leaf without a value
    jinja             the sandbox: Jinja's environment, cut down to what is offered
    offered           filters, tests, methods, attributes and syntax that templates may use
    allowed_syntax    faults that the syntax of one template shows
    syntax_errors     why a template cannot be read, in words for who wrote it
    effort_limit      what one evaluation may cost
    faults            faults of templates, found at load or met at evaluation
    address_parts     what templates put into a path or a URL without writing it for that place
    branch_watch      templates that tell which of their branches were taken, for coverage
    filters/          the filters: numbers, texts, times, dictionaries, and the table of their names
"""

from __future__ import annotations

from engine.templates.address_parts import unwritten
from engine.templates.branch_watch import Site, watched
from engine.templates.compile import Fields, Value, compile_fields, compile_value
from engine.templates.faults import RenderFault, TemplateFault, TemplateFaults
from engine.templates.nulls import NULLS, OnNull
from engine.templates.project_language import Language
from engine.templates.scope import names_in

__all__ = [
    "NULLS",
    "Fields",
    "Language",
    "OnNull",
    "RenderFault",
    "Site",
    "TemplateFault",
    "TemplateFaults",
    "Value",
    "compile_fields",
    "compile_value",
    "names_in",
    "unwritten",
    "watched",
]
