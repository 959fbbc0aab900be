"""What is remembered: the ledger and the scratch of an object (DuckDB), and the journal that all may read (SQLite).

The rules are in ledger.md; what the tables of an object's file hold is in staging.sql.

ledger          what the target has confirmed, `settle`, which takes a run into it, and ways to take a confirmation back
protocols       what a run needs of the ledger and of the journal: the seam for another backend
staging         one object's DuckDB file: ways to it, staging what the source says now
staging_tables  the tables that are made as staging.sql lays them out
journal_tables  what the journal knows, in temporary tables
sql_names       how SQL on that file names and quotes what a source and a mapping name
unbound         records of the ledger of which the journal knows neither a binding nor a claim
changes         the numbered changes of a run
recovery        what a run makes sure of before it believes its state: both files and the ends belong together
duckdb_file     the DuckDB file as it is opened: its lock, its errors; the one door to DuckDB
memory          how much memory DuckDB may take, by how heavy and wide rows are
layouts         the steps from older layouts to today's
stored_texts    how times and values are written in both files
journal/        journal.sqlite: marks, claims, receipts, bindings, rejections, pauses, history
"""
