"""What comes behind a complete answer: bytes that belong to no request, and cast doubt on the answer before them.

httpcore keeps such bytes and takes them for the answer to the next request; it has no public way to ask for them. So
the bytes of an exchange are followed a second time, by the same parser that httpcore uses.
"""

from __future__ import annotations

from enum import Enum

import h11

_BODILESS = frozenset({204, 304})
_MAX_HEAD_BYTES = 100 * 1024  # as in httpcore


class Doubt(Enum):
    """How much bytes behind an answer say against it."""

    NONE = 0
    SLIGHT = 1  # it is the first on its connection, or they are its own body where none may be
    GRAVE = 2  # they are an answer, or it may itself be what stood behind the one before


class Framing:
    """The bytes of one exchange, as they come."""

    def __init__(self, method: bytes, *, first: bool) -> None:
        """`first`: nothing was asked on this connection before."""
        self._parser = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._parser.send(h11.Request(method=method, target=b"/", headers=[(b"Host", b"-")]))
        self._parser.send(h11.EndOfMessage())
        self._first = first
        self._head_only = method == b"HEAD"
        self._unfit = -1  # bytes of a body that the head names where none may be
        self.is_over = False

    def came(self, data: bytes) -> None:
        """Take in what was read; what is not HTTP is left to httpcore, which refuses it."""
        try:
            self._parser.receive_data(data)
            while not self.is_over:
                event = self._parser.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if isinstance(event, h11.Response) and (self._head_only or event.status_code in _BODILESS):
                    self._unfit = _named_length(event)
                self.is_over = isinstance(event, h11.EndOfMessage | h11.ConnectionClosed)
        except (h11.RemoteProtocolError, RuntimeError):  # RuntimeError: more after the end of the connection
            return

    @property
    def behind(self) -> bytes:
        """What came behind the whole answer so far."""
        return self._parser.trailing_data[0] if self.is_over else b""

    @property
    def doubt(self) -> Doubt:
        """Judge the answer by what came behind it; a line break is no answer, nor a part of one."""
        behind = self.behind
        if not behind.strip(b"\r\n"):
            return Doubt.NONE
        is_own_body = len(behind) == self._unfit
        return Doubt.SLIGHT if (self._first or is_own_body) and b"HTTP/" not in behind else Doubt.GRAVE


def _named_length(answer: h11.Response) -> int:
    value = dict(answer.headers).get(b"content-length", b"")
    return int(value) if value.isdigit() else -1
