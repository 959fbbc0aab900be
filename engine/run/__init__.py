"""One run of one object, and the project wired together.

app            project folder, state and ends, ready for commands
one_run        one run: find changes, deliver, record, settle
surroundings   what surrounds a run: state folder, clock, stop, secrets to hide, ends
blind_creates  what is said where nothing tells what the target holds already
refusals       what stands refused, kept in the journal and forgotten when it stands no longer
variables      the `${...}` that ends need: which are missing, which are secrets
"""

from engine.run.app import App
from engine.run.blind_creates import asked_first, blind_creates
from engine.run.one_run import exit_of, new_run_id, run_object
from engine.run.surroundings import Surroundings
from engine.run.variables import missing_variables, require_variables, secrets_of

__all__ = [
    "App",
    "Surroundings",
    "asked_first",
    "blind_creates",
    "exit_of",
    "missing_variables",
    "new_run_id",
    "require_variables",
    "run_object",
    "secrets_of",
]
