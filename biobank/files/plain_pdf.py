"""Plain text as a PDF document: lines in a fixed-width font on A4 pages, nothing else."""

from collections.abc import Iterator, Sequence

_COLUMNS, _ROWS = 90, 60
_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]"
    b" /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>"
)
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>"
_SPECIAL = str.maketrans({"\\": r"\\", "(": r"\(", ")": r"\)"})


def as_pdf(text: str) -> bytes:
    """The text on as many pages as it needs; long lines are continued on the next one.

    The standard fonts of PDF know Western European letters; others become question marks.
    """
    lines = [part for line in text.expandtabs(4).splitlines() for part in _parts(line)]
    pages = [lines[at : at + _ROWS] for at in range(0, len(lines), _ROWS)] or [[]]
    kids = b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
    ]
    objects.append(_FONT)
    for n, page in enumerate(pages):
        objects += [_PAGE % (5 + 2 * n), _stream(page)]
    document, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, start = len(objects) + 1, len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return bytes(document) + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def _parts(line: str) -> Iterator[str]:
    for at in range(0, max(len(line), 1), _COLUMNS):
        yield line[at : at + _COLUMNS]


def _stream(lines: Sequence[str]) -> bytes:
    shown = "\n".join(f"({line.translate(_SPECIAL)}) Tj T*" for line in lines)
    content = b"BT /F1 10 Tf 12 TL 30 800 Td\n%s\nET" % shown.encode("cp1252", "replace")
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
