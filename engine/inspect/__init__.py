"""What shows and never changes: on a copy of the state, or from the journal.

plan               what a run would send now: counts, differences
render_requests    the exact requests of the changes there are now
why                what became of one record
dry_run            a run without its last steps, on a copy of the state
copy               the copy of an object's state that dry commands work on
probe              do the connections answer
live_check         what only the ends can say of a mapping
live_rows          what only a source's rows can say of it
live_writes        what only a database can say of `write`
late_children      children that are read by the cursor of their record
security_warnings  what of a project lies open to others
samples/           the samples of a mapping, through the code of a run to requests or writes
snapshots          one readable file an object, and what differs
coverage           what of a mapping no sample exercises
"""

from engine.inspect.coverage import Gap, gaps
from engine.inspect.late_children import late_children
from engine.inspect.live_check import Answers, ask
from engine.inspect.plan import ObjectPlan, Sample, blocked_plans, exit_of, plan
from engine.inspect.probe import probe
from engine.inspect.render_requests import preview
from engine.inspect.security_warnings import exposures
from engine.inspect.snapshots import Compared, Difference, compare, document_of, folder_of
from engine.inspect.why import Answer, claim_reason, why

__all__ = [
    "Answer",
    "Answers",
    "Compared",
    "Difference",
    "Gap",
    "ObjectPlan",
    "Sample",
    "ask",
    "blocked_plans",
    "claim_reason",
    "compare",
    "document_of",
    "exit_of",
    "exposures",
    "folder_of",
    "gaps",
    "late_children",
    "plan",
    "preview",
    "probe",
    "why",
]
