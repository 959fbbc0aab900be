"""What is shipped is found in a checkout; tests/e2e/test_wheel.py finds it where the program is installed."""

from pathlib import Path

import pytest

from engine.values import shipped

CHECKOUT = Path(__file__).parents[3]


def test_in_a_checkout_the_folders_are_those_of_the_top_level() -> None:
    found = (shipped.checkout(), shipped.schemas(), shipped.mappings(), shipped.snapshots())

    assert found == (CHECKOUT, CHECKOUT / "schemas", CHECKOUT / "mappings", CHECKOUT / "snapshots")


@pytest.mark.parametrize("path", [CHECKOUT, CHECKOUT / "engine" / "x", CHECKOUT / "mappings" / ".one-sync", Path("x")])
def test_a_checkout_may_be_written_anywhere(path: Path) -> None:
    assert not shipped.is_inside(path)
    shipped.refuse_to_write(path, "this")
