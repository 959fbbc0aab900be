"""Files at the boundary.

stream  a file streamed into a request body, broken off when it is not the content it should be
"""

from engine.connections.files.stream import open_plain

__all__ = ["open_plain"]
