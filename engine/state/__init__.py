"""What is remembered: the ledger and the scratch of an object (DuckDB), and the journal that all may read (SQLite).

ledger       what the target has confirmed, and `settle`, which takes a run into it
staging      one object's DuckDB file: its layout, ways to it, staging what the source says now
changes      the numbered changes of a run
unbound      records of the ledger of which the journal knows neither a binding nor a claim
recovery     what a run makes sure of before it believes its state: both files and the ends belong together
duckdb_file  the DuckDB file as it is opened: its lock, its errors; the one door to DuckDB
memory       how much memory DuckDB may take, by how heavy and wide rows are
layouts      the steps from older layouts to today's
journal/     journal.sqlite: marks, claims, receipts, bindings, rejections, pauses, history
"""
