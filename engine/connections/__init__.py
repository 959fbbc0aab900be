"""The doors to the outside: HTTP, SQL databases, files; nothing here knows a mapping.

settings  what project.yaml says of a connection
pausing   which errors pause a connection for all its objects, and what ends that
identity  which platform or database a connection names, without its secrets
http/     HTTP ends: exchanges, limits, and what an answer means
sql/      SQL databases: streaming reads, writes by key, errors told apart
files/    files as they are streamed into requests
"""

from engine.connections.identity import Identity, differing, http_identity
from engine.connections.pausing import PAUSING
from engine.connections.settings import Connection, HttpConnection, OnStatus, ReadStatus, Retry, SqlConnection

__all__ = [
    "PAUSING",
    "Connection",
    "HttpConnection",
    "Identity",
    "OnStatus",
    "ReadStatus",
    "Retry",
    "SqlConnection",
    "differing",
    "http_identity",
]
