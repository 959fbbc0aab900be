"""How a value is shown in a message."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def preview(value: Any) -> str:
    """Show a value in a message, at most 200 characters of it."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    cut = value[:200] if isinstance(value, str | bytes) else value
    shown = str(value) if isinstance(value, Decimal) else repr(cut)
    return shown if len(shown) <= 200 else shown[:199] + "…"
