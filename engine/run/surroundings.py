"""What surrounds a run: where it keeps its state, what time it is, when it has to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.state import Ends
from engine.values import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What surrounds a run and is not part of it."""

    state: Path  # folder
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)
    hide: Callable[[str], str] = str  # removes secrets from a text
    busy_wait_seconds: float = 0.0  # for an object that another process holds: a dry command copies its file
    ends: Ends = field(default_factory=dict)  # that the object and those it refers to have now
