"""SQL databases as an end.

database       streaming reads, writes of records, their drivers' errors told apart
connect        from a SQLAlchemy URL to an engine, and to a cursor that streams
write          one record written by key, in portable SQL
driver_errors  what an error of a driver means, by SQLSTATE, number or class
odd_times      times of PostgreSQL that Python has no value for
"""

from engine.connections.sql.database import RecordRefused, RowWrite, SqlEnd, StatementCall, TableRows, sql_identity

__all__ = ["RecordRefused", "RowWrite", "SqlEnd", "StatementCall", "TableRows", "sql_identity"]
