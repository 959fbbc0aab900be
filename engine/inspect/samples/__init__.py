"""The samples of a mapping, carried through the code of a run to the very requests or writes; no database, no clock.

    samples --staged--> rows --Lines.render--> lines --chunk, build, Delivery--> requests     (outbound)
    samples --feed.again--> documents --Lines.render--> tables and statements                (inbound)

What answers of the target would follow is in the samples too (`answers`); an answer that nobody reads is taken as 200.

    render_samples    all samples of a mapping, to requests or to writes
    staged_samples    samples as a read would bring them
    outbound_samples  staged, chunked, built and delivered to a target of their answers
    inbound_samples   items fetched and documents written, the samples being the source
    document          what rendering gives: the snapshot's document, and what of the mapping took part
"""
