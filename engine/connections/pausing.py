"""Which errors concern all objects of a connection, so that it pauses, and what ends its pause."""

PAUSING = {  # by code
    "E_CREDENTIALS": "correct them, then `one-sync connections` ends the pause",
    "E_ASKED_TO_WAIT": "it goes on by itself then",
    "E_UNREACHABLE": "it goes on by itself when its database answers again",
}
