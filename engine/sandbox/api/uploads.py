"""Files of invoices and goods issued notes: begun, sent to a signed URL, completed (one-api.md 2.11, 2.14).

Documented are the paths of the first and the last call, uploadId and fileExtension. Assumed is all else: the first
call answers {uploadId, uploadUrl}; the bytes are PUT to that URL, without key and tenant; the last call makes them the
file of the document.
"""

from __future__ import annotations

from urllib.parse import quote

from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Call, Refused, Reply, problem
from engine.sandbox.store.held_documents import Kind, Upload

FOLDER = "/storage"  # of the URLs; the stand-in serves them itself


def begin_invoice_file(call: Call) -> Reply:
    """Begin the upload of an invoice's file (2.11; assumed: 404 for an unknown invoice)."""
    return _begin(call, Kind.INVOICE, "file-upload-begin")


def complete_invoice_file(call: Call) -> Reply:
    """End the upload of an invoice's file (2.11)."""
    return _complete(call, Kind.INVOICE, "file-upload-complete")


def initialize_note_file(call: Call) -> Reply:
    """Begin the upload of a goods issued note's file (2.14; assumed: 404 for an unknown note)."""
    return _begin(call, Kind.NOTE, "file-upload-initialize")


def finalize_note_file(call: Call) -> Reply:
    """End the upload of a goods issued note's file (2.14)."""
    return _complete(call, Kind.NOTE, "file-upload-finalize")


def receive(call: Call) -> Reply:
    """Take the bytes of an upload, as a signed URL does.

    Assumed: 400 when the tenant's key is sent along, for it is no business of the storage; 403 for an URL that is not
    as it was given; 409 after completion; a second PUT replaces the first.
    """
    if "apiauth" in call.headers:
        raise Refused(400, "header ApiAuth must not be sent to an upload URL")
    upload = call.store.documents.uploads.get(call.parameters["uploadId"])
    if upload is None or call.query.get("signature") != (upload.signature,):
        raise Refused(403, "the upload URL is not as it was given")
    if upload.completed:
        raise Refused(409, f"upload {upload.upload_id} is completed")
    upload.fill(call.content, call.headers.get("content-type"))
    return Reply()


def _begin(call: Call, kind: Kind, schema: str) -> Reply:
    body_checks.check(schema, call.body)
    number = call.body["number"]
    if number not in call.store.documents.held(kind):
        raise Refused(404, f"{kind.replace('_', ' ')} not found: {number}")
    upload_id = call.store.new_id(f"{kind}_upload", number)
    signature = f"{call.store.fixed_id('signature', upload_id)}+/="  # an engine that spoils the encoding is found out
    call.store.documents.uploads[upload_id] = Upload(
        upload_id=upload_id, kind=kind, number=number, extension=call.body["fileExtension"], signature=signature
    )
    url = f"http://{call.headers.get('host', '')}{FOLDER}/{upload_id}?signature={quote(signature, safe='')}"
    return Reply(status=201, body={"uploadId": upload_id, "uploadUrl": url})


def _complete(call: Call, kind: Kind, schema: str) -> Reply:
    """Complete an upload; once more changes nothing.

    Assumed: 409 without bytes; 422 for another number, and for bytes that are no PDF where one was announced.
    """
    body_checks.check(schema, call.body)
    upload = call.store.documents.uploads.get(call.body["uploadId"])
    if upload is None or upload.kind is not kind:
        raise Refused(404, f"upload not found: {call.body['uploadId']}")
    for name, begun in (("number", upload.number), ("fileExtension", upload.extension)):
        if call.body.get(name) not in (None, begun):
            raise Refused(422, "bad body", problems=[problem(f"$.{name}", f"the upload was begun for {begun}")])
    if upload.number not in call.store.documents.held(kind):
        raise Refused(404, f"{kind.replace('_', ' ')} not found: {upload.number}")
    if upload.size_bytes is None:
        raise Refused(409, f"no bytes arrived for upload {upload.upload_id}")
    if upload.extension.lower() == "pdf" and not upload.is_pdf:
        raise Refused(422, f"the file of {upload.number} is no PDF")
    if not upload.completed:
        call.store.count_creation(f"{kind}_file", upload.number)
        call.store.documents.complete(upload)
    return Reply(body={"uploadId": upload.upload_id})
