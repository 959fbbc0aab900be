"""The second step: batches into numbered changes, their lines rendered.

find_changes    stage, compare, render, number: afterwards the table `changes` holds what a run would send
compare         what differs from what was confirmed, set-wise
odd_values      the kinds of a read's columns, and the rows whose values are of another
children        the children of a read, one JSON list a record
file_hashes     content hashes of files as a column of staging
guards          what is too odd to believe is withheld: losses, and more creates or changes than there may be
second_creates  creates that look like a second time, under another key or another object's name
near_misses     records that are there under a key which is only written otherwise than a reference or a word
numbering       candidates and lines into numbered changes
decided         what becomes of each record of a read: verdicts, counts, questions about one
"""

from engine.difference.decided import Decided, awaited, decided, refusal
from engine.difference.find_changes import FoundChanges, find_changes
from engine.difference.near_misses import near_miss, near_row
from engine.difference.second_creates import rewritten

__all__ = [
    "Decided",
    "FoundChanges",
    "awaited",
    "decided",
    "find_changes",
    "near_miss",
    "near_row",
    "refusal",
    "rewritten",
]
