"""A host that accepts connections, says one thing to each, and nothing more: a silent or refusing database."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def refusal_of_mysql(number: int, words: str) -> bytes:
    """Give what a MySQL server says in place of its greeting."""
    said = b"\xff" + number.to_bytes(2, "little") + b"#28000" + words.encode()
    return len(said).to_bytes(3, "little") + b"\0" + said


@contextmanager
def listening(answer: bytes) -> Iterator[tuple[int, list[socket.socket]]]:
    """Give a port of the loopback, and a list that grows with the connections that were taken."""
    taken: list[socket.socket] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    connection = listener.accept()[0]
                    connection.sendall(answer)
                    taken.append(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], taken
        finally:
            over.set()
            thread.join()
            for each in taken:
                each.close()
