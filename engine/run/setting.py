"""What surrounds a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.state.recovery import Ends
from engine.values.records import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What surrounds a run."""

    state: Path  # folder
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)
    hide: Callable[[str], str] = str  # removes secrets from a text
    ends: Ends = field(default_factory=dict)  # that the object and those it refers to have now
