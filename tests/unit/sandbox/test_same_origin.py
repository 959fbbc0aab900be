"""What a browser may write to the stand-in."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from engine.sandbox.same_origin import is_foreign

HERE = {"host": "127.0.0.1:8700"}


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        (HERE, False),
        ({**HERE, "origin": "http://127.0.0.1:8700"}, False),
        ({"host": "localhost:8700", "origin": "http://localhost:8700", "sec-fetch-site": "same-origin"}, False),
        ({"host": "[::1]:8700", "origin": "http://[::1]:8700"}, False),
        ({"host": "sandbox:8700", "origin": "http://sandbox:8700"}, False),
        ({**HERE, "origin": "https://evil.example"}, True),
        ({**HERE, "origin": "http://127.0.0.1:9000"}, True),
        ({**HERE, "origin": "null"}, True),
        ({**HERE, "sec-fetch-site": "cross-site"}, True),
        ({**HERE, "sec-fetch-site": "same-site"}, True),
        ({"host": "evil.example:8700", "origin": "http://evil.example:8700"}, True),
    ],
)
def test_a_page_of_another_origin_is_told_from_the_own_one_and_from_programs(
    headers: dict[str, str], *, foreign: bool
) -> None:
    assert is_foreign(Headers(headers)) is foreign
