"""Which headers of a connection hold secrets."""

from __future__ import annotations

import pytest

from engine.connections import HttpConnection

CONNECTION = HttpConnection(name="one", base_url="https://one.example", public_headers=("x-company-key",))


@pytest.mark.parametrize(
    ("header", "written", "value", "hidden"),
    [
        ("Authorization", "Bearer ${TOKEN}", "Bearer x", True),
        ("Authorization", "Basic YTpi", "Basic YTpi", True),
        ("X-Api-Key", "${KEY}", "k", True),
        ("ApiAuth", "${KEY}", "k", True),
        ("Cookie", "${COOKIE}", "a=b", True),
        ("X-Anything", "${VALUE}", "v", True),
        ("X-Anything", "plain", "plain", False),
        ("one-tenant", "${TENANT}", "acme", False),
        ("Tenant-Token", "${TENANT}", "acme", True),
        ("one-tenant", "${TENANT}", "one-tenant-of-the-north", False),
        ("one-tenant", "${TENANT}", "najemca-4hT9wQ2z", True),
        ("Accept-Language", "${LANGUAGE}", "pl-PL", False),
        ("X-Company-Key", "${COMPANY}", "Abcdefgh12345", False),
    ],
)
def test_the_name_of_a_header_decides_unless_the_connection_says_that_it_is_public(
    header: str, written: str, value: str, hidden: bool
) -> None:
    assert CONNECTION.hides(header, written, value) is hidden
