"""What a person may change in the state, a file a command.

resend           forgets what was confirmed, so that it is sent again
forget           drops all that is known of one record
adopt            takes what the source says as confirmed; only look-ups are sent
carry            takes what is known over to another name of the object, or other keys of its records
accept_ends      takes new addresses as those of the same platform or database
resolve_unknown  says what became of a create whose outcome was never learnt
retry_rejected   lets refused records be tried again
drop_rejected    gives an item of a feed up until its next event
hold             an object's state, opened for such a change
pair_anew        lets ledger and journal belong together again after one was lost or restored
needed_values    what an object saves from answers and needs later
adopting_target  a target that takes every change as confirmed, by which a run adopts the source
"""

from engine.operate.accept_ends import accept_ends
from engine.operate.adopt import adopt
from engine.operate.carry import Carried, carry_keys, carry_name
from engine.operate.drop_rejected import drop_rejected
from engine.operate.forget import Next, forget
from engine.operate.resend import resend
from engine.operate.resolve_unknown import resolve_confirmed, resolve_not_sent
from engine.operate.retry_rejected import retry_rejected

__all__ = [
    "Carried",
    "Next",
    "accept_ends",
    "adopt",
    "carry_keys",
    "carry_name",
    "drop_rejected",
    "forget",
    "resend",
    "resolve_confirmed",
    "resolve_not_sent",
    "retry_rejected",
]
