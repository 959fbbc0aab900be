"""A feed is read by HTTP and JSON alone: it can be tried, tested and moved without state or delivery."""

from __future__ import annotations

import subprocess
import sys

NEEDLESS = ("duckdb", "engine.delivery", "engine.difference", "engine.state.staging", "engine.state.ledger")


def test_reading_a_feed_loads_neither_the_ledger_nor_delivery() -> None:
    program = "import sys, engine.source.feed; print(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert [name for name in finished.stdout.split() if name.startswith(NEEDLESS)] == []
