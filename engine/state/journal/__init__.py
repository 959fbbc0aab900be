"""The durable notes that other processes may read while a run works: SQLite in WAL mode (ledger.md).

Each file keeps one kind of notes; `Journal` has them all as attributes, over one connection.

journal             the stores together, over one connection
runs                where each object stands (generation, cursor) and how its runs ended
marks_and_receipts  what was about to be sent, and the receipts of what became of it
claims              creates of unknown outcome
bindings            values saved from the target's answers
step_progress       how far records have come in the steps of their operations
rejections          refused records, and which of them are to be tried again
pauses              connections that nobody asks for a while
requests            the history of attempts
served_fires        up to when fires are served
other_names         carries what is known over to another name of its object, or other keys of its records
ends                the platform or database that the notes speak of
accepted_removals   requests by which a target has taken a record away once
retention           how long runs and requests are kept
history             what all this tells of the past and of this moment
sqlite_file         the file: opening, layout, transactions; the one door to SQLite
"""

from engine.state.journal.claims import Claim
from engine.state.journal.history import failing
from engine.state.journal.journal import Journal
from engine.state.journal.marks_and_receipts import Outcome
from engine.state.journal.pauses import Pause
from engine.state.journal.rejections import Rejection
from engine.state.journal.requests import Exchange, Request
from engine.state.journal.retention import prune
from engine.state.journal.runs import Run, Standing
from engine.state.journal.sqlite_file import FILE_NAME
from engine.state.journal.step_progress import Progress

__all__ = [
    "FILE_NAME",
    "Claim",
    "Exchange",
    "Journal",
    "Outcome",
    "Pause",
    "Progress",
    "Rejection",
    "Request",
    "Run",
    "Standing",
    "failing",
    "history",
    "other_names",
    "prune",
]
