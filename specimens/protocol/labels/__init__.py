"""Label templates: PPIDs, visit names, specimen labels, second labels, barcodes (spec 02 part P).

How a batch gets its labels, whatever its size in a fixed number of statements:

    fmt = LabelFormat.compile(LabelKind.SPECIMEN, "%PPI%.%SP_TYPE%%PPI_UID%")   # ValueError: not a template
    common = LabelValues.of_protocol(protocol)                # shared by all records of the protocol
    blood = LabelValues(**common, ppid="P1", specimen_id=77, type_id=5, type_abbr="WB")
    part = LabelValues(**common, ppid="P1", specimen_id=78, parent=blood)
    labels = make_labels([(fmt, blood), (aliquot_fmt, part)])        # ["P1.WB1", "P1.WB1_1"], in order

- One `LabelValues` a record. Take the primary keys first (`biobank.batch.insert.take_keys`): some counters
  are kept per visit, specimen or registration.
- `parent` and `primary` point to the values of other specimens, stored ones (with `label` filled) or ones of
  the same batch: `make_labels` names parents before their children, however the batch is ordered. It writes what
  it makes into the values too (`ppid`, `visit_name`, `label`), so that later tokens can use it.
- Counters are taken in blocks, one statement for each generation of the tree: `take_numbers`. They are locked
  until the transaction ends and never give a number twice.
- A record that brings its own text is checked with `fmt.matches(text, values)` instead (§P2).
- Which template applies: `ppid_format`, `visit_format`, `specimen_format`, `barcode_format` below.
"""

from specimens.protocol.labels.applying import (
    additional_format,
    aliquot_format_text,
    barcode_format,
    barcode_format_text,
    ppid_format,
    specimen_format,
    specimen_format_text,
    visit_format,
)
from specimens.protocol.labels.batch import make_labels
from specimens.protocol.labels.counters import CounterKey, take_numbers
from specimens.protocol.labels.language import LabelFormat, LabelKind, is_template
from specimens.protocol.labels.values import LabelValues

__all__ = [
    "CounterKey", "LabelFormat", "LabelKind", "LabelValues", "additional_format", "aliquot_format_text",
    "barcode_format", "barcode_format_text", "is_template", "make_labels", "ppid_format", "specimen_format",
    "specimen_format_text", "take_numbers", "visit_format",
]  # fmt: skip
