"""What travels between the rooms, and how it is written; no room lies below this one.

errors       the tree of errors that end a run or a command, with exit codes; places and problems; codes: ERRORS.md
problems     how messages name things: nearest words, quoted names, keys
preview      how a value is shown in a message
records      keys, changes, refusals: what a record is called and why it is refused
exchanges    requests ready to leave, and what is learnt of each
results      what became of a run: counts, status, failure
order        what is asked of a run
read         one read of a source, with the cursor that follows it
time_texts   times that are written as texts or numbers
canonical    the one exact text of a value, by which it is compared
arrow        columns of canonical texts as Arrow arrays
ranges       runs of sequence numbers, and their arithmetic
json_text    JSON in and out with exact decimals; the one door to msgspec
differences  what differs between two lines, field by field
read_ahead   items taken from an iterator in a thread of its own
shipped      the files that are shipped with the program: schemas, mappings, snapshots
redact       removes secrets from texts, by value
sql_text     what of a SQL text is code, literal or comment
spellings    undoes how JSON, HTML, XML and URLs write characters
log          events on stderr, for people or as JSON
"""

from engine.values.canonical import Kind, Unheld, canonical, kept_text, kind_of, merge, restorer, restorer_of
from engine.values.differences import Differences, Shown, additions, by_table, differences
from engine.values.errors import (
    BusyError,
    ConfigError,
    Exit,
    GuardError,
    OneSyncError,
    Path,
    Place,
    Problem,
    RunError,
    SourceError,
    StateError,
    TargetError,
    UnavailableError,
)
from engine.values.exchanges import STOPPED, Answer, Answered, FileBody, Lost, NotSent, Outgoing, Written
from engine.values.order import Order
from engine.values.preview import preview
from engine.values.problems import label, quoted, spelled, suggestion
from engine.values.ranges import Range, coalesce, subtract
from engine.values.read import Read, RefusedItem, is_passing
from engine.values.read_ahead import ahead
from engine.values.records import (
    DOCUMENT,
    Change,
    Clock,
    Json,
    Key,
    Numbered,
    Refusal,
    Refused,
    Stage,
    key_text,
    text_key,
)
from engine.values.redact import redact
from engine.values.results import Counts, Failure, ObjectResult, Status
from engine.values.time_texts import UNITS, earlier, moment_of, unix_number, written_like

__all__ = [
    "DOCUMENT",
    "STOPPED",
    "UNITS",
    "Answer",
    "Answered",
    "BusyError",
    "Change",
    "Clock",
    "ConfigError",
    "Counts",
    "Differences",
    "Exit",
    "Failure",
    "FileBody",
    "GuardError",
    "Json",
    "Key",
    "Kind",
    "Lost",
    "NotSent",
    "Numbered",
    "ObjectResult",
    "OneSyncError",
    "Order",
    "Outgoing",
    "Path",
    "Place",
    "Problem",
    "Range",
    "Read",
    "Refusal",
    "Refused",
    "RefusedItem",
    "RunError",
    "Shown",
    "SourceError",
    "Stage",
    "StateError",
    "Status",
    "TargetError",
    "UnavailableError",
    "Unheld",
    "Written",
    "additions",
    "ahead",
    "arrow",
    "by_table",
    "canonical",
    "coalesce",
    "differences",
    "earlier",
    "is_passing",
    "json_text",
    "kept_text",
    "key_text",
    "kind_of",
    "label",
    "log",
    "merge",
    "moment_of",
    "preview",
    "quoted",
    "redact",
    "restorer",
    "restorer_of",
    "shipped",
    "spelled",
    "sql_text",
    "subtract",
    "suggestion",
    "text_key",
    "unix_number",
    "written_like",
]
