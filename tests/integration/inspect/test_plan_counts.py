"""What a plan counts of a create whose outcome is not known."""

from __future__ import annotations

from pathlib import Path

from engine.inspect.plan import plan
from world.project import world


def test_a_plan_counts_the_look_up_of_an_unknown_create_as_one_request(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.put("client", ("k1", "Ala"), ("k2", "Iza"))
        it.platform.plan("after", "ok", "before")  # the first create's answer is lost, and so is its look-up's
        it.run("clients")

        counts = plan(it.app, it.mapping("clients")).counts

    assert (counts.unknown, counts.confirmed, counts.requests) == (1, 0, 1)
