"""Cells of an export, as a spreadsheet reads them."""

from __future__ import annotations

import pytest

from engine.cli.commands.rejected import no_formula


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\u00a0=1",
        "\u3000=1",
        "\t=1",
        "\n=1",
        "\r1",
        "\u200b=1",
        "\ufeff=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        " \uff1d1",
        "\u22121",
        "|calc",
    ],
)
def test_what_a_spreadsheet_would_calculate_is_text(text: str) -> None:
    assert no_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "A-1", "1=1", "ł", " plain", "a\tb"])
def test_other_texts_stay(text: str) -> None:
    assert no_formula(text) == text
