"""SQL databases as an end.

database       a database as an end: reads of one state, writes of records
moment         queries read lazily from one state of the database
entrance       who may try to connect now
link           one open connection, with its time-outs, broken off by a stop
driver_thread  the thread that a connection lives in
session        what a database is told when a connection opens, by dialect
questions      what is asked without writing: tables, statements, keys that repeat
connect        from a SQLAlchemy URL to an engine, and to a cursor that streams
translation    what SQLAlchemy and drivers raise, as our errors
login_errors   what it means when no connection comes about
write          one record written by key, in portable SQL
driver_errors  what an error of a driver means, by SQLSTATE, number or class
char_columns   columns of a fixed length, without the blanks that fill them up
mysql_values   bits and moments of MySQL as they are meant
odd_times      times of PostgreSQL that Python has no value for
"""

from engine.connections.sql.database import RecordRefused, RowWrite, SqlEnd, StatementCall, TableRows, sql_identity
from engine.connections.sql.entrance import Entrance
from engine.connections.sql.moment import Moment, Rows

__all__ = [
    "Entrance",
    "Moment",
    "RecordRefused",
    "RowWrite",
    "Rows",
    "SqlEnd",
    "StatementCall",
    "TableRows",
    "sql_identity",
]
