"""A mapping made ready to run: templates compiled, references resolved, fingerprints taken.

program        all that a run needs to know of its mapping
lines          lines of changed records, or why they cannot be made
request        one request, its templates compiled, and how it is made of names
operation      one entry of `send`, its templates compiled
build_request  what a request of a range of changes is made of
answers        what the mapping asks of an answer: saved values, results per line, what a look-up found
compiled_feed  a feed or a paged list, its templates compiled
target         what becomes of changed records: sent in requests, or written to tables
private_files  files that are never a record's content
record_files   files that belong to records: where they lie, what they hold
comparison     what the diff of a read has to know of its mapping
"""

from engine.mapping.program.answers import read
from engine.mapping.program.build_request import ManyLines, build_many, build_one
from engine.mapping.program.comparison import Comparison, RefJoin
from engine.mapping.program.compiled_feed import Feed
from engine.mapping.program.operation import CompiledOperation
from engine.mapping.program.private_files import PrivateFiles
from engine.mapping.program.program import Program, compile_mapping
from engine.mapping.program.record_files import (
    FileFault,
    FileSet,
    FileState,
    content,
    file_column,
    locate,
    look,
    path_column,
    require_root,
)
from engine.mapping.program.request import outgoing
from engine.mapping.program.target import Sends, Writes

__all__ = [
    "Comparison",
    "CompiledOperation",
    "Feed",
    "FileFault",
    "FileSet",
    "FileState",
    "ManyLines",
    "PrivateFiles",
    "Program",
    "RefJoin",
    "Sends",
    "Writes",
    "answers",
    "build_many",
    "build_one",
    "compile_mapping",
    "content",
    "file_column",
    "locate",
    "look",
    "outgoing",
    "path_column",
    "read",
    "require_root",
]
