"""The body of an answer: unpacked as it comes, and never more of it in memory than is allowed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

_GZIP = 31  # zlib's number for the format of gzip
_STEP_BYTES = 1024 * 1024  # unpacked at once
_PLAIN, _PACKED = [[], ["identity"]], [["gzip"], ["x-gzip"]]


class TooLongError(Exception):
    """The answer is longer than what is kept in memory; the text says so."""


def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """Read and unpack a body.

    httpx would unpack a piece of 64 KB whole, which may be 64 MB, and once more for each coding that is named.

    Raises:
        TooLongError: it has more bytes, unpacked; what was read is forgotten.
        httpx.DecodingError: it is packed otherwise than was asked for, damaged, or incomplete.
    """
    body = bytearray()
    for piece in _unpacked(response):
        body += piece
        if len(body) > max_bytes:
            raise TooLongError(f"the answer is longer than {max_bytes} bytes")
    return bytes(body)


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    named = response.headers.get("Content-Encoding", "")
    codings = [each.strip().lower() for each in named.split(",") if each.strip()]
    pieces = (piece for piece in response.iter_raw() if piece)
    if codings in _PLAIN:
        yield from pieces
    elif codings in _PACKED:
        yield from _gunzipped(pieces)
    elif any(pieces):
        raise httpx.DecodingError("the answer is packed otherwise than as gzip")


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack a gzip step by step; a second one may follow the first, and zeros are padding."""
    stream = None
    for piece in pieces:
        data = piece if stream else piece.lstrip(b"\0")
        while data:
            stream = zlib.decompressobj(_GZIP) if stream is None else stream
            try:
                step = stream.decompress(data, _STEP_BYTES)
                yield step
                while step and not stream.eof:  # a full step may leave more behind than it has taken in
                    step = stream.decompress(stream.unconsumed_tail, _STEP_BYTES)
                    yield step
            except zlib.error as error:
                raise httpx.DecodingError("the answer is no gzip") from error
            data = stream.unused_data.lstrip(b"\0")
            stream = None if stream.eof else stream
    if stream is not None:
        raise httpx.DecodingError("the end of the gzip is missing")
