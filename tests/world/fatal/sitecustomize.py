"""Kills the process that starts with this folder in PYTHONPATH, with signal 9, at the effect of number `KILL_AT`.

Effects are those of `deaths.seam` on the files of `KILL_PATHS`. Python imports this module before all others.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

if "KILL_AT" in os.environ:
    from world.deaths import Fuse, seam

    fuse = Fuse(on_crash=lambda: os.kill(os.getpid(), signal.SIGKILL))
    fuse.burn(int(os.environ["KILL_AT"]))
    held = seam(fuse, *map(Path, os.environ["KILL_PATHS"].split(os.pathsep)))
    held.__enter__()
