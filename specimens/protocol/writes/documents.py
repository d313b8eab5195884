"""Which SOP document a protocol gets (spec 02 §A3, §A12)."""

from biobank.files import stored
from biobank.wire.errors import Problem
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.rules import codes
from specimens.protocol.rules.documents import is_stored_name, shown_name

AREA = "sop-documents"


def kept_name(sent: str | None, row: CollectionProtocol) -> str | None:
    """The stored name meant by `sopDocumentName`: that of an upload, or the protocol's own as it was shown."""
    if sent and row.sop_document_name and sent == shown_name(row.pk, row.sop_document_name):
        return row.sop_document_name
    return sent or None


def document_problem(sent: str | None, row: CollectionProtocol) -> Problem | None:
    """Why a document cannot be the protocol's; the one that it has already can always stay."""
    name = kept_name(sent, row)
    if name is None or name == row.sop_document_name:
        return None
    if not is_stored_name(name):
        return codes.CP_INVALID_SOP_DOC(value=name)
    return None if stored.place(AREA, name).is_file() else codes.CP_SOP_DOC_MOVED_OR_DELETED()
