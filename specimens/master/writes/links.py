"""Which identifiers mean the same person or specimen, by the file and by what is stored.

Rows that name one record in different ways must still be written in their order.
"""

from collections.abc import Iterable, Sequence

from specimens.master.reads import People, labels_of_barcodes, participants_by_ppid
from specimens.master.writes.rows import Row, Token, identifiers, names
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
        same.join(names(row))
        if row.primary:
            same.join(identifiers(row))
    found = {token for row in rows if row.primary for token in identifiers(row)}
    _join_people(same, found, protocols)
    _join_specimens(same, rows)
    for row in rows:
        tokens = list(names(row))
        if row.primary:
            tokens += identifiers(row)
        elif row.parent_label:
            tokens.append(("label", row.parent_label))
        same.add_to(row, tokens)


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
