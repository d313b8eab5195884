"""Small workbooks as spreadsheet programs write them, made by hand."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="xml" ContentType="application/xml"/>
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"""
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELS = """<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId{number}" Type="{office}/{kind}" Target="{target}"/></Relationships>"""
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_STYLES = f"""<?xml version="1.0"?><styleSheet {_MAIN}>
<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>
<numFmt numFmtId="165" formatCode="yyyy-mm-dd hh:mm"/></numFmts><cellXfs count="3"><xf numFmtId="0"/>
<xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/></cellXfs></styleSheet>"""


@dataclass(frozen=True)
class Day:
    """A cell formatted as a date (or as date and time): days since the end of 1899."""

    serial: float
    with_time: bool = False


@dataclass(frozen=True)
class Formula:
    """A cell whose value was computed when the workbook was saved."""

    text: str
    value: float


Value = str | int | float | bool | Day | Formula | None


def column_name(index: int) -> str:
    name = ""
    while index >= 0:
        name = chr(ord("A") + index % 26) + name
        index = index // 26 - 1
    return name


def _cell(value: Value, place: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        case str():
            return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
        case Day():
            return f'<c r="{place}" s="{2 if value.with_time else 1}"><v>{value.serial}</v></c>'
        case Formula():
            return f'<c r="{place}"><f>{escape(value.text)}</f><v>{value.value}</v></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def workbook(rows: Sequence[Sequence[Value]], more: str = "") -> bytes:
    """The bytes of an `.xlsx` whose first sheet holds these rows; `more` is XML behind them."""
    body = "".join(
        f'<row r="{number}">{"".join(_cell(value, f"{column_name(at)}{number}") for at, value in enumerate(row))}</row>'
        for number, row in enumerate(rows, 1)
    )
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELS.format(
            number=1, office=_OFFICE, kind="officeDocument", target="xl/workbook.xml"
        ),
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Rows" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _RELS.format(
            number=1, office=_OFFICE, kind="worksheet", target="worksheets/sheet1.xml"
        ),
        "xl/styles.xml": _STYLES,
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?><worksheet {_MAIN}><sheetData>{body}{more}'
        "</sheetData></worksheet>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as found:
        for name, text in parts.items():
            found.writestr(name, text)
    return buffer.getvalue()
