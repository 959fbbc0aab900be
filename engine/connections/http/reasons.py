"""Why an exchange came to nothing, in words: what kept a request from leaving, and what broke afterwards."""

from __future__ import annotations

import os
import socket
import ssl

import httpx

from engine.connections.http.body import TooLongError


def why_not_sent(error: Exception, *, host: str, port: int, tls: bool) -> str:
    """Say what kept a request from leaving; with `tls` the connection itself was there."""
    where = f"{'TLS ' if tls else ''}connection to {host}:{port}"
    if isinstance(error, httpx.TimeoutException):
        return f"no {where} in time"
    if isinstance(error, UnicodeError) or isinstance(_system_error(error), socket.gaierror):
        return f"the name {host} cannot be resolved"
    return f"no {where}: {_system_text(error)}"


def why_lost(error: Exception, *, answering: bool, seconds: float) -> str:
    """Say what broke after a request began to leave, without a word of the other side: it may repeat our headers.

    `answering`: the head of an answer had come; `seconds`: the time-out of each read and write.
    """
    if isinstance(error, httpx.TimeoutException):
        took = "took nothing of the request" if isinstance(error, httpx.WriteTimeout) else "sent nothing"
        return f"the target {took} for {seconds:g} s"
    if isinstance(error, httpx.ProtocolError) and not answering:
        silent = str(error).startswith("Server disconnected")
        return "the connection was closed before an answer came" if silent else "the answer is not HTTP"
    if isinstance(error, httpx.ProtocolError):
        return "the answer was cut short"
    if isinstance(error, httpx.DecodingError):
        return "the answer cannot be decompressed"
    return str(error) if isinstance(error, TooLongError) else f"the connection broke: {_system_text(error)}"


def _system_error(error: BaseException | None) -> OSError | None:
    """Find the operating system's or OpenSSL's error that httpcore and httpx wrapped."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def _system_text(error: Exception) -> str:
    system = _system_error(error)
    if isinstance(system, ssl.SSLCertVerificationError):
        return f"certificate refused, {system.verify_message}"
    if isinstance(system, ssl.SSLError):
        return (system.reason or "TLS error").lower().replace("_", " ")
    return os.strerror(system.errno).lower() if system and system.errno else "network error"
