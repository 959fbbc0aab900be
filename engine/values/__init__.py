"""What travels between the rooms, and how it is written; no room lies below this one.

errors       the tree of errors that end a run or a command, with exit codes; places and problems; codes: ERRORS.md
problems     how messages name things: nearest words, quoted names
preview      how a value is shown in a message
records      keys, changes, refusals: what a record is called and why it is refused
exchanges    requests ready to leave, and what is learnt of each
results      what became of a run: counts, status, failure
order        what is asked of a run
read         one read of a source, with the cursor that follows it
canonical    the one exact text of a value, by which it is compared
arrow        columns of canonical texts as Arrow arrays
ranges       runs of sequence numbers, and their arithmetic
json_text    JSON in and out with exact decimals; the one door to msgspec
differences  what differs between two lines, field by field
read_ahead   items taken from an iterator in a thread of its own
shipped      the files that are shipped with the program: schemas, mappings, snapshots
redact       removes secrets from texts, by value
log          events on stderr, for people or as JSON
"""
