"""The samples of a mapping, carried through the code of a run to the very requests or writes; no database, no clock.

    samples --staged--> rows --Lines.render--> lines --chunk, build, Delivery--> requests     (outbound)
    samples --feed.again--> documents --Lines.render--> tables and statements                (inbound)

What answers of the target would follow is in the samples too (`answers`); an answer that nobody reads is taken as 200.
"""

from __future__ import annotations

from engine.mapping.program import Program
from engine.samples.inbound import written
from engine.samples.outbound import sent
from engine.samples.rendering import Exercised, Rendering

__all__ = ["Exercised", "Rendering", "rendering"]


def rendering(program: Program) -> Rendering:
    """Render all samples of a mapping: what its snapshot holds, and what of the mapping they exercised."""
    return sent(program) if program.mapping.write is None else written(program)
