"""Streams a file into a request body, and breaks off before the end when it is not the content it should be."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.values import FileBody

PIECE_BYTES = 256 * 1024


class FileChangedError(Exception):
    """A file is not what it was when its record was compared; its last piece was not sent."""


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file to read. Raises OSError, also for a folder, a device and a pipe, which could hold us for ever.

    `path` is resolved already, so a link in its last place was put there meanwhile: it is not followed.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is no plain file")


def file_length(file: FileBody) -> int:
    """Count a file's bytes. Raises OSError."""
    return len(file.data) if file.data is not None else Path(file.path or "").stat().st_size


def streamed(file: FileBody) -> Iterator[bytes]:
    """Give a file piece by piece; the last piece only after the whole is known to be the right content.

    Raises FileChangedError before that piece, or when the file cannot be read to its end.
    """
    if file.data is not None:
        yield file.data
        return
    digest = hashlib.sha256()
    held = b""
    try:
        with open_plain(Path(file.path or "")) as source:
            while piece := source.read(PIECE_BYTES):
                digest.update(piece)
                if held:
                    yield held
                held = piece
    except OSError as error:
        raise FileChangedError(f"the file {file.path} could not be read to its end: {error.strerror}") from error
    if digest.hexdigest() != file.sha256:
        raise FileChangedError(f"the file {file.path} changed while it was sent; the next run sends it as it is then")
    if held:
        yield held
