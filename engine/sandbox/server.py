"""Serves the stand-in: in a thread beside the caller, or in the foreground."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.sandbox.api.replies import Settings
from engine.sandbox.asgi import application
from engine.sandbox.sandbox import Sandbox
from engine.values import ConfigError, RunError

START_SECONDS = 10.0


class CuttableProtocol(H11Protocol):
    """Uvicorn's HTTP protocol with the connection in reach of the application, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the transport into the state that every request of this connection sees.

        Without TCP_NODELAY each answer would take 40 ms: asyncio sets it only where it opened the port itself.
        """
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


class QuietServer(uvicorn.Server):
    """Uvicorn's server, except that a signal ends `run` instead of being raised again after it."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End after the requests in flight; at the second signal at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(
    host: str = "127.0.0.1",
    port: int = 8700,
    *,
    settings: Settings | None = None,
    started: Callable[[Sandbox], None] | None = None,
) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; `started` is told when the port is open.

    Raises:
        ConfigError: the address cannot be used.
    """
    sandbox = Sandbox(settings)
    listener = _listen(host, port, sandbox)
    if started:
        started(sandbox)
    _server(sandbox).run(sockets=[listener])


@contextmanager
def running(port: int = 0, *, host: str = "127.0.0.1", settings: Settings | None = None) -> Iterator[Sandbox]:
    """Serve in a thread as long as the block lasts; port 0 takes a free one, `sandbox.url` says which.

    Raises:
        ConfigError: the address cannot be used.
    """
    sandbox = Sandbox(settings)
    listener = _listen(host, port, sandbox)
    server = _server(sandbox)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="one-sandbox", daemon=True)
    thread.start()
    try:
        _wait(server, thread)
        yield sandbox
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _server(sandbox: Sandbox) -> QuietServer:
    config = uvicorn.Config(
        application(sandbox),
        http=CuttableProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,  # longer than the pools of clients, so that no kept connection dies under a request
        timeout_graceful_shutdown=1,  # a scripted delay must not hold up the end
    )
    return QuietServer(config)


def _listen(host: str, port: int, sandbox: Sandbox) -> socket.socket:
    """Open the port and tell the sandbox its address."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        message = f"the sandbox cannot listen on {host} port {port}: {error.strerror or error}; choose another port"
        raise ConfigError(message, code="E_SANDBOX_ADDRESS") from error
    shown = f"[{host}]" if ":" in host else host
    sandbox.url = f"http://{shown}:{listener.getsockname()[1]}"
    return listener


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RunError("the sandbox did not start; its log says why", code="E_SANDBOX_START")
        time.sleep(0.005)
