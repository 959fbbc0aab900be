"""How long the searching tests search: `ONE_SYNC_EXAMPLES=50 bin/test tests/property` for a night."""

from __future__ import annotations

import os


def examples(few: int) -> int:
    """Give the number of examples: few in CI, as many times more as `ONE_SYNC_EXAMPLES` says."""
    return few * int(os.environ.get("ONE_SYNC_EXAMPLES", "1"))
