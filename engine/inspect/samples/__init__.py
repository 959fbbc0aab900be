"""The samples of a mapping, carried through the code of a run to the very requests or writes; no database, no clock.

    samples --staged--> rows --Lines.render--> lines --chunk, build, Delivery--> requests     (outbound)
    samples --feed.again--> documents --Lines.render--> tables and statements                (inbound)

What answers of the target would follow is in the samples too (`answers`); an answer that nobody reads is taken as 200.

    staged_samples    samples as a read would bring them
    outbound_samples  staged, chunked, built and delivered to a target of their answers
    inbound_samples   items fetched and documents written, the samples being the source
    document          what rendering gives: the snapshot's document, and what of the mapping took part
"""

from __future__ import annotations

from engine.inspect.samples.document import Exercised, Rendering
from engine.inspect.samples.inbound_samples import written
from engine.inspect.samples.outbound_samples import sent
from engine.mapping.program import Program
from engine.mapping.program.feed import Feed
from engine.mapping.program.target import Writes

__all__ = ["Exercised", "Rendering", "rendering"]


def rendering(program: Program) -> Rendering:
    """Render all samples of a mapping: what its snapshot holds, and what of the mapping they exercised."""
    match program:
        case Program(source=Feed() as feed, target=Writes() as writes):
            return written(program, feed, writes)
    return sent(program)
