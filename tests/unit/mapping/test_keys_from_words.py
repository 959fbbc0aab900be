"""Words of the command line become keys: as they are first, then as the number or the null that they may mean."""

from __future__ import annotations

import pytest

from engine.mapping.keys_from_words import spellings

CASES = {
    "text": (["W1", "A-1"], [("W1", "A-1")]),
    "a number in another form": (["W1", "5.0"], [("W1", "5.0"), ("W1", "5")]),
    "a number in its own form": (["42"], [("42",)]),
    "zeros in front may be text": (["007"], [("007",), ("7",)]),
    "two that may be numbers": (["1.0", "2.0"], [("1.0", "2.0"), ("1.0", "2"), ("1", "2.0"), ("1", "2")]),
    "a missing part": (["W1", "null"], [("W1", "null"), ("W1", None)]),
    "nothing": ([""], [("",)]),
    "a whole key as it is printed": ([r'["W1","a\u0000b",null]'], [(r'["W1","a\u0000b",null]',), ("W1", "a\0b", None)]),
    "a list that is no key": (["[1, 2]"], [("[1, 2]",)]),
}


@pytest.mark.parametrize("case", CASES)
def test_spellings(case: str) -> None:
    words, expected = CASES[case]

    assert spellings(words) == expected
