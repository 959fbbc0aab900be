"""Renders all samples of a mapping, to requests or to writes."""

from __future__ import annotations

from engine.inspect.samples.document import Rendering
from engine.inspect.samples.inbound_samples import written
from engine.inspect.samples.outbound_samples import sent
from engine.mapping.program import Feed, Program, Writes


def rendering(program: Program) -> Rendering:
    """Render all samples of a mapping: what its snapshot holds, and what of the mapping they exercised."""
    match program:
        case Program(source=Feed() as feed, target=Writes() as writes):
            return written(program, feed, writes)
    return sent(program)
