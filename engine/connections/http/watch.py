"""What is seen of one exchange while it lasts: how far it came, by what httpcore reports, and what came behind it."""

from __future__ import annotations

from collections.abc import Callable

from engine.connections.http.behind import Doubt
from engine.connections.http.deadline import BoundedStream

_SENT = "http11.send_request_headers.started"
_TLS = "connection.start_tls.started"
_ANSWERING = "http11.receive_response_headers.complete"
_WHOLE = "http11.receive_response_body.complete"


class Watch:
    """Takes httpcore's reports of one exchange."""

    def __init__(self, leaves: Callable[[], None]) -> None:
        """`leaves` is called when the request begins to leave."""
        self._leaves = leaves
        self._events: set[str] = set()
        self.stream: object = None  # that the answer comes from, once its head was read
        self.doubt = Doubt.NONE

    def __call__(self, event: str, _: object) -> None:
        """Take a report; the whole answer is judged before its connection can go to another exchange."""
        if event == _SENT:
            self._leaves()
        if event == _WHOLE and isinstance(self.stream, BoundedStream):
            self.doubt = self.stream.doubt()
        self._events.add(event)

    @property
    def sent(self) -> bool:
        """Tell whether bytes of the request may have left."""
        return _SENT in self._events

    @property
    def secures(self) -> bool:
        """Tell whether the connection itself was there, and its handshake began."""
        return _TLS in self._events

    @property
    def answering(self) -> bool:
        """Tell whether the head of an answer came."""
        return _ANSWERING in self._events
