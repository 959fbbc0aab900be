"""The documents that the stand-in holds: invoices, goods issued notes, and the files uploaded for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from engine.sandbox.store.feeds import Document
from engine.values import Json

MAX_CONTENT_BYTES = 64 * 1024  # of a larger file only size and digest are kept


class Kind(StrEnum):
    """What a file belongs to."""

    INVOICE = "invoice"
    NOTE = "goods_issued_note"


FileKey: TypeAlias = tuple[Kind, str]  # of the document with that number


@dataclass(slots=True, kw_only=True)
class Upload:
    """A file on its way: begun, then filled with bytes, then completed."""

    upload_id: str
    kind: Kind
    number: str  # of the document
    extension: str
    signature: str  # part of the URL; who does not know it may not upload
    content_type: str | None = None
    size_bytes: int | None = None  # None: no bytes arrived yet
    sha256: str | None = None  # hex
    content: bytes | None = None  # None also for a file too large to be kept
    is_pdf: bool = False  # by its first bytes
    completed: bool = False

    def fill(self, content: bytes, content_type: str | None) -> None:
        """Take the bytes, in place of those that arrived before."""
        self.content_type = content_type
        self.size_bytes = len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.content = content if len(content) <= MAX_CONTENT_BYTES else None
        self.is_pdf = content.startswith(b"%PDF-")

    def as_json(self) -> Document:
        """Give all but the bytes and the signature."""
        return {
            "number": self.number,
            "uploadId": self.upload_id,
            "kind": str(self.kind),
            "fileExtension": self.extension,
            "contentType": self.content_type,
            "size": self.size_bytes,
            "sha256": self.sha256,
            "completed": self.completed,
        }


@dataclass(slots=True)
class Documents:
    """The state of the services for invoices and for goods issued notes."""

    invoices: dict[str, Document] = field(default_factory=dict)  # by number, as they were sent
    invoice_statuses: dict[str, Document] = field(default_factory=dict)  # by number, the last one sent
    notes: dict[str, Document] = field(default_factory=dict)  # by number
    uploads: dict[str, Upload] = field(default_factory=dict)  # by uploadId, also those that were never completed
    completed: dict[FileKey, str] = field(default_factory=dict)  # uploadId of each document's file

    def held(self, kind: Kind) -> dict[str, Document]:
        """Give the documents of a kind, by number."""
        return self.invoices if kind is Kind.INVOICE else self.notes

    def remove_invoice(self, number: str) -> None:
        """Remove an invoice, its status and its file."""
        del self.invoices[number]
        self.invoice_statuses.pop(number, None)
        self.completed.pop((Kind.INVOICE, number), None)

    def complete(self, upload: Upload) -> None:
        """Make an upload the file of its document, in place of an earlier one."""
        upload.completed = True
        self.completed[upload.kind, upload.number] = upload.upload_id

    def files(self, kind: Kind) -> Iterator[Upload]:
        """Give the files that belong to documents of a kind."""
        return (self.uploads[upload_id] for (of, _), upload_id in self.completed.items() if of is kind)

    def counts(self) -> dict[str, int]:
        """Count what is held, by object."""
        return {
            "invoices": len(self.invoices),
            "invoice_files": sum(1 for _ in self.files(Kind.INVOICE)),
            "invoice_statuses": len(self.invoice_statuses),
            "goods_issued_notes": len(self.notes),
            "goods_issued_note_files": sum(1 for _ in self.files(Kind.NOTE)),
        }

    def as_json(self) -> Json:
        """Give all that is held, a copy; of files what is known of them, without their bytes."""
        return {
            "invoices": list(map(dict, self.invoices.values())),
            "invoice_files": [upload.as_json() for upload in self.files(Kind.INVOICE)],
            "invoice_statuses": list(map(dict, self.invoice_statuses.values())),
            "goods_issued_notes": list(map(dict, self.notes.values())),
            "goods_issued_note_files": [upload.as_json() for upload in self.files(Kind.NOTE)],
            "uploads": [upload.as_json() for upload in self.uploads.values()],
        }
