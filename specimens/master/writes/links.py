"""Which identifiers mean the same person or specimen, by the file and by what is stored.

Rows that name one record in different ways must still be written in their order.
"""

from collections.abc import Iterable, Sequence

from specimens.master.reads import People, labels_of_barcodes, participants_by_ppid
from specimens.master.writes.rows import Row, Token
from specimens.protocol.models import CollectionProtocol


class _Same:
    """Sets of tokens, joined as it turns out that they mean the same."""

    def __init__(self) -> None:
        self._above: dict[Token, Token] = {}

    def root(self, token: Token) -> Token:
        while (above := self._above.get(token, token)) != token:
            token = above
        return token

    def join(self, tokens: Iterable[Token]) -> None:
        first: Token | None = None
        for token in tokens:
            found = self.root(token)
            if first is None:
                first = found
            elif found != first:
                self._above[found] = first

    def add_to(self, row: Row, tokens: Iterable[Token]) -> None:
        """Let the row share what tells its record from others, where that is not its own token."""
        roots = {self.root(token) for token in tokens}
        row.tokens += [root for root in roots if root not in row.tokens]


def link(rows: Sequence[Row], protocols: dict[str, CollectionProtocol]) -> None:
    """Give rows that mean the same person or specimen a token in common; a fixed number of queries."""
    same = _Same()
    for row in rows:
        same.join(row.names)
        same.join(row.identifiers)
    found = {token for row in rows for token in row.identifiers}
    if len(protocols) > 1 or any(token[0] != "ppid" for token in found):  # else each PPID is somebody else
        _join_people(same, found, protocols)
    _join_specimens(same, rows)
    for row in rows:
        parent = [("label", row.parent_label)] if row.parent_label else []
        same.add_to(row, (*row.names, *row.identifiers, *parent))


def _join_people(same: _Same, tokens: set[Token], protocols: dict[str, CollectionProtocol]) -> None:
    owned: dict[int, list[Token]] = {}
    people = People.of(tokens)
    for token in tokens:
        for owner in people.owners([token]) if token[0] != "ppid" else ():
            owned.setdefault(owner, []).append(token)
    pairs = {
        (protocols[str(token[1])].pk, str(token[2])): token
        for token in tokens
        if token[0] == "ppid" and token[1] in protocols
    }
    for pair, owner in participants_by_ppid(set(pairs)).items():
        owned.setdefault(owner, []).append(pairs[pair])
    for every in owned.values():
        same.join(every)


def _join_specimens(same: _Same, rows: Sequence[Row]) -> None:
    barcodes = {barcode for row in rows if (barcode := row.specimen.get("barcode"))}
    for barcode, label in labels_of_barcodes(barcodes):
        same.join([("barcode", barcode), ("label", label)])
