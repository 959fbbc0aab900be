"""Writes small PDF files: one page of text lines in a font that every reader has."""

from __future__ import annotations

from collections.abc import Sequence

# Codes of Helvetica for the Polish letters that Latin-1 lacks, by the names of their glyphs.
_POLISH = "ĄĆĘŁŃŚŹŻąćęłńśźż"
_GLYPHS = (
    "/Aogonek /Cacute /Eogonek /Lslash /Nacute /Sacute /Zacute /Zdotaccent"
    " /aogonek /cacute /eogonek /lslash /nacute /sacute /zacute /zdotaccent"
)
_FIRST_CODE = 128
_CODES = {ord(letter): _FIRST_CODE + place for place, letter in enumerate(_POLISH)}
_ESCAPED = {ord(mark): f"\\{mark}" for mark in "\\()"}


def page(lines: Sequence[str]) -> bytes:
    """Write one A4 page; a character that is neither Latin-1 nor Polish becomes a question mark."""
    font = (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding"
        f" << /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [{_FIRST_CODE} {_GLYPHS}] >> >>"
    )
    content = _content(lines)
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]"
            b" /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>",
            font.encode("ascii"),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    )


def _content(lines: Sequence[str]) -> bytes:
    shown = b"\n".join(b"(%s) Tj T*" % _text(line) for line in lines)
    return b"BT /F1 11 Tf 14 TL 50 790 Td\n%s\nET" % shown


def _text(line: str) -> bytes:
    return line.translate(_ESCAPED).translate(_CODES).encode("latin-1", "replace")


def _file(objects: Sequence[bytes]) -> bytes:
    """Put objects into a file, the first of them its root, with the table of their places at the end."""
    written = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = [b"0000000000 65535 f \n"]
    for number, body in enumerate(objects, start=1):
        places.append(b"%010d 00000 n \n" % len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return written + (
        b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(places), b"".join(places), len(places), len(written))
    )
