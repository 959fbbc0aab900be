"""Values of drivers as columns: what is known, and what is the fault of its row."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network
from typing import Any
from uuid import UUID

import pytest

from engine.values.arrow import column
from engine.values.canonical import Kind


class Odd:
    """A value of a driver that has no text."""


@pytest.mark.parametrize("odd", [Odd(), [1, Odd()], {"a": [Odd()]}])
def test_a_value_of_an_unknown_type_is_the_fault_of_its_row_and_never_its_repr(odd: Any) -> None:
    found = column([1, odd, None, 3])

    assert found.kind is Kind.NUMBER
    assert [index for index, _ in found.faults] == [1]
    assert "cast it to a text" in found.faults[0][1]
    assert found.data.to_pylist()[1] == "a value"


def test_what_drivers_give_beside_the_plain_types_is_known() -> None:
    values = [UUID(int=1), IPv4Address("10.0.0.1"), IPv6Network("fe80::/64")]

    assert column(values).data.to_pylist() == [str(each) for each in values]
