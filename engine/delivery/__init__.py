"""The third step: changes into parts, parts into requests or writes, answers into verdicts, recorded one by one.

part           a range of changes on its way, and the transitions by which it changes
parts          what is sent of an operation, with what earlier runs left of its records
chunk          changes cut into the ranges of requests
deliver        the loop that performs what `decide` decides
work_list      the parts that wait for their turn
outcome        what a decision comes to for the part that it is about
done_events    what becomes of a part, told as `Done`
split          what is sent next where a part of a chunk is refused, until the bad line stands alone
cut            a part in halves, in lines alone, or by the results of its lines
removals       removals whose path is proven, as one was accepted by it
targets        the two kinds of target: HTTP requests, writes to an ERP
events         what delivery tells, to whoever records it
notes          what is noted of an event, as small values: mark, claims, receipt, binding, rejection, count
note_events    which notes an event comes to, and in which order
record_events  the loop that writes them: marks and claims before a request leaves, receipts after it
refuse         a refused record kept in the journal
"""

from engine.delivery.chunk import chunk
from engine.delivery.deliver import Delivery, End
from engine.delivery.events import Done, Exchanged, Verdict
from engine.delivery.note_events import facts_of
from engine.delivery.part import Part
from engine.delivery.parts import parts_of
from engine.delivery.record_events import Recorder, Tally, judged, note_pause
from engine.delivery.refuse import as_document, reject
from engine.delivery.removals import proven
from engine.delivery.split import MAX_SPLITS
from engine.delivery.targets import RECORDS_A_PART, HttpTarget, SqlTarget, Target, Window, described

__all__ = [
    "MAX_SPLITS",
    "RECORDS_A_PART",
    "Delivery",
    "Done",
    "End",
    "Exchanged",
    "HttpTarget",
    "Part",
    "Recorder",
    "SqlTarget",
    "Tally",
    "Target",
    "Verdict",
    "Window",
    "as_document",
    "chunk",
    "described",
    "facts_of",
    "judged",
    "note_pause",
    "parts_of",
    "proven",
    "reject",
]
