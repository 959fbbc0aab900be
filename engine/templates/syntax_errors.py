"""Why a template cannot be read, in words for who wrote it: Jinja's own speak of its tokens."""

from __future__ import annotations

import re

from jinja2.exceptions import TemplateSyntaxError

_TOKENS = {
    "end of print statement": "`}}`",
    "end of statement block": "`%}`",
    "end of template": "the end of the template",
    "name": "a name",
    "string": "a text in quotes",
    "integer": "a number",
    "float": "a number",
}
_ODD_WORD = "a column whose name is not a plain word is reached as row['its name']"
_INSTEAD = {  # of characters that other languages have
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "?": "write `a if condition else b`",
    **dict.fromkeys("“”„‘’«»", "write straight quotes, ' or \""),
}
_SENTENCES = (  # Jinja's, and ours: {0}, {1} are tokens or words
    (r"unexpected end of template, expected 'end of print statement'", "`{{{{` is not closed: `}}}}` is missing"),
    (r"Expected an expression, got 'end of print statement'", "nothing stands between `{{{{` and `}}}}`"),
    (r"unexpected '(.+)', expected '(.+)'", "{1} is missing in front of {0}"),
    (r"expected token 'name', got '\|'", "`||` is not offered: write `or`"),
    (
        r"expected token '(end of .+)', got '='",
        "`=` cannot stand here: compare with `==`, set with {{% set x = ... %}}",
    ),
    (r"expected token '(end of .+)', got '(.+)'", f"{{1}} stands where {{0}} is expected; {_ODD_WORD}"),
    (r"expected token '(.+)', got '(.+)'", "{1} stands where {0} is expected"),
    (r"expected name or number", "a name is missing behind the dot"),
    (r"unexpected '\}'", "a single `}}` stands there: close with `}}}}`"),
    (r"unexpected '(.+)'", "{0} is not expected there: something is missing in front of it"),
    (r"Encountered unknown tag '(end\w*|else|elif)'", "`{{% {0} %}}` belongs to nothing: no block is open there"),
    (
        r"Encountered unknown tag '(.+)'",
        "`{{% {0} %}}` is not offered in templates: use {{{{ }}}}, {{% if %}}, {{% for %}} or {{% set %}}",
    ),
    (
        r"Unexpected end of template\..*needs to be closed is '(.+)'",
        "`{{% {0} %}}` is not closed: `{{% end{0} %}}` is missing",
    ),
    (r"Missing end of raw directive", "`{{% raw %}}` is not closed: `{{% endraw %}}` is missing"),
    (r"Missing end of comment tag", "`{{#` is not closed: `#}}` is missing"),
    (r"can't assign to .*", "only a name can be set"),
)


def syntax_fault(error: TemplateSyntaxError | RecursionError) -> str:
    """Say why a template cannot be read, and what to do."""
    if isinstance(error, RecursionError):
        return "it is too long or nested too deeply to be read: take it apart, with {% set %} or in the query"
    said = (error.message or "").rstrip(".")
    if found := re.match(r"unexpected char (['\"])(.)\1", said):
        return _character_fault(found[2])
    for pattern, sentence in _SENTENCES:
        if found := re.match(pattern, said):
            tagged = "{%" in sentence.format(*found.groups())
            return sentence.format(*(word if tagged else _token(word) for word in found.groups()))
    return said


def _character_fault(character: str) -> str:
    if character in "'\"":
        return "a text begins with a quote and does not end with one"
    instead = _INSTEAD.get(character, _ODD_WORD)
    return f"`{character}` has no meaning in a template; {instead}"


def _token(word: str) -> str:
    return _TOKENS.get(word, f"`{word}`")
