"""The shipped mappings, loaded once a process: checking all of them takes a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.mapping.load.project_folder import Loaded, load

MAPPINGS = Path(__file__).parents[2] / "mappings"


@cache
def shipped() -> Loaded:
    """Load the shipped project."""
    return load(MAPPINGS)
