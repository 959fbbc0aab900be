"""The durable notes that other processes may read while a run works: SQLite in WAL mode (ledger.md).

Each file keeps one kind of notes; `Journal` has them all as attributes, over one connection.

journal        the stores together, over one connection
runs           where each object stands (generation, cursor) and how its runs ended
marks          what was about to be sent, and the receipts of what became of it
claims         creates of unknown outcome
bindings       values saved from the target's answers
step_progress  how far records have come in the steps of their operations
rejections     refused records, and which of them are to be tried again
pauses         connections that nobody asks for a while
requests       the history of attempts
served_fires   up to when fires are served
ends           the platform or database that the notes speak of
retention      how long runs and requests are kept
history        what all this tells of the past and of this moment
sqlite_file    the file: opening, layout, transactions; the one door to SQLite
"""
