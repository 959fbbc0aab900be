"""What is remembered: the ledger and the scratch of an object (DuckDB), and the journal that all may read (SQLite).

The rules are in ledger.md; what the tables of an object's file hold is in staging.sql.

ledger          what the target has confirmed, `settle`, which takes a run into it, and ways to take a confirmation back
protocols       what a run needs of the ledger and of the journal: the seam for another backend
staging         one object's DuckDB file: ways to it, staging what the source says now
staging_tables  the tables that are made as staging.sql lays them out
journal_tables  what the journal knows, in temporary tables
column_kinds    the kind of each column of a read, and which values are odd
cursor_position  how far a read has come in the column of its cursor
first_load      whether the first load of an object that creates is over
sql_names       how SQL on that file names and quotes what a source and a mapping name
other_keys      records that are known under another key than the one they have now
outlook         what becomes of records that are sent again
unbound         records of the ledger of which the journal knows neither a binding nor a claim
changes         the numbered changes of a run
recovery        what a run makes sure of before it believes its state: both files and the ends belong together
duckdb_file     the DuckDB file as it is opened: its lock, its errors; the one door to DuckDB
memory          how much memory DuckDB may take, by how heavy and wide rows are
layouts         the steps from older layouts to today's
stored_texts    how times and values are written in both files
journal/        journal.sqlite: marks, claims, receipts, bindings, rejections, pauses, history
"""

from engine.state.column_kinds import SeenKinds, kind_for, kind_name, odd_among, odd_values
from engine.state.cursor_position import Position, furthest
from engine.state.duckdb_file import DamagedError, files_translated
from engine.state.first_load import FirstLoad, doubt, first_load, keys_in, note_first_load, vouch
from engine.state.journal_tables import load_bindings, load_journal
from engine.state.ledger import READ_BY, Ledger, Outcomes, column_kinds, ledger_columns, value_of
from engine.state.other_keys import OtherKeys, find_other_keys
from engine.state.outlook import outlook
from engine.state.protocols import RunJournal, RunLedger
from engine.state.recovery import (
    Ends,
    apart,
    check_ends,
    check_pair,
    ends_changed,
    recover,
    recover_copy,
    settle_run,
    settle_unknown,
)
from engine.state.sql_names import (
    bound_table,
    bytes_of,
    column,
    json_array,
    key_of,
    literal,
    more,
    quoted,
    reference,
    unpadded_key,
)
from engine.state.staging import Staging
from engine.state.stored_texts import unstamp
from engine.state.unbound import find_unbound, take_confirmed, unbound

__all__ = [
    "READ_BY",
    "DamagedError",
    "Ends",
    "FirstLoad",
    "Ledger",
    "OtherKeys",
    "Outcomes",
    "Position",
    "RunJournal",
    "RunLedger",
    "SeenKinds",
    "Staging",
    "apart",
    "bound_table",
    "bytes_of",
    "changes",
    "check_ends",
    "check_pair",
    "column",
    "column_kinds",
    "doubt",
    "ends_changed",
    "files_translated",
    "find_other_keys",
    "find_unbound",
    "first_load",
    "furthest",
    "json_array",
    "key_of",
    "keys_in",
    "kind_for",
    "kind_name",
    "ledger",
    "ledger_columns",
    "literal",
    "load_bindings",
    "load_journal",
    "more",
    "note_first_load",
    "odd_among",
    "odd_values",
    "outlook",
    "quoted",
    "recover",
    "recover_copy",
    "reference",
    "settle_run",
    "settle_unknown",
    "take_confirmed",
    "unbound",
    "unpadded_key",
    "unstamp",
    "value_of",
    "vouch",
]
