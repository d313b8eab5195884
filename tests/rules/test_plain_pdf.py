"""Text as a PDF document, read back the way a PDF reader does: from the end, through the table of places."""

import re

from biobank.files.plain_pdf import as_pdf


class Reader:
    """Finds objects by the cross-reference table and checks the lengths of streams."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        assert document.startswith(b"%PDF-") and document.endswith(b"%%EOF\n")
        start = int(re.findall(rb"startxref\n(\d+)", document)[-1])
        found = re.match(
            rb"xref\n0 (\d+)\n((?:\d{10} \d{5} [nf] \n)+)trailer\n<<(.*?)>>", document[start:], re.S
        )
        assert found is not None
        self.places = [int(line.split()[0]) for line in found[2].splitlines()]
        assert len(self.places) == int(found[1])
        self.root = self.of(re.search(rb"/Root (\d+) 0 R", found[3]))

    def of(self, reference: "re.Match[bytes] | None") -> bytes:
        assert reference is not None
        return self.object(int(reference[1]))

    def object(self, number: int) -> bytes:
        found = re.match(rb"%d 0 obj\n(.*?)\nendobj\n" % number, self.document[self.places[number] :], re.S)
        assert found is not None
        return found[1]

    def pages(self) -> list[str]:
        """The lines of every page."""
        tree = self.of(re.search(rb"/Pages (\d+) 0 R", self.root))
        kids = re.search(rb"/Kids \[(.*?)\] /Count (\d+)", tree)
        assert kids is not None
        numbers = [int(number) for number in re.findall(rb"(\d+) 0 R", kids[1])]
        assert len(numbers) == int(kids[2])
        return [
            self._text(self.of(re.search(rb"/Contents (\d+) 0 R", self.object(number)))) for number in numbers
        ]

    def _text(self, content: bytes) -> str:
        found = re.fullmatch(rb"<< /Length (\d+) >>\nstream\n(.*)\nendstream", content, re.S)
        assert found is not None and len(found[2]) == int(found[1])
        lines = re.findall(rb"^\((.*)\) Tj T\*$", found[2], re.M)
        return "\n".join(re.sub(r"\\(.)", r"\1", line.decode("cp1252")) for line in lines)


def test_a_text_comes_back_line_by_line() -> None:
    text = "Diagnosis (final) \\ Größe: 12 mm\n\n(unbalanced\nend"
    assert Reader(as_pdf(text)).pages() == [text]


def test_long_texts_take_several_pages_and_long_lines_are_continued() -> None:
    text = "\n".join(["x" * 200, *(f"line {n}" for n in range(100))])
    pages = Reader(as_pdf(text)).pages()
    assert [len(page.splitlines()) for page in pages] == [60, 43]
    assert pages[0].startswith("x" * 90 + "\n" + "x" * 90 + "\n" + "x" * 20 + "\nline 0")


def test_letters_that_the_font_lacks_show_as_question_marks() -> None:
    assert Reader(as_pdf("β ≥ é")).pages() == ["? ? é"]


def test_no_text_is_one_empty_page() -> None:
    assert Reader(as_pdf("")).pages() == [""]
