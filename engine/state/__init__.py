"""What is remembered: the ledger and the scratch of an object (DuckDB), and the journal that all may read (SQLite).

ledger          what the target has confirmed, and `settle`, which takes a run into it
staging         one object's DuckDB file: ways to it, staging what the source says now
staging.sql     what its tables hold, kept and temporary
staging_tables  the tables that are made as staging.sql lays them out
journal_tables  what the journal knows, in temporary tables
sql_names       how SQL on that file names and quotes what a source and a mapping name
changes         the numbered changes of a run
recovery        what a run makes sure of before it believes its state: both files and the ends belong together
duckdb_file     the DuckDB file as it is opened: its lock, its errors; the one door to DuckDB
memory          how much memory DuckDB may take, by how heavy and wide rows are
layouts         the steps from older layouts to today's
journal/        journal.sqlite: marks, claims, receipts, bindings, rejections, pauses, history
"""
