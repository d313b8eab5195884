"""The error codes of the specification: declared, or excused with a reason. `tests/ledger.py` holds the rest."""

import gc

from django.urls import get_resolver

from biobank.wire.errors import Code
from tests import ledger


def _declared() -> set[str]:
    """Every code some module of the project holds."""
    assert get_resolver().url_patterns  # imports every module that can answer
    gc.unfreeze()  # see conftest: what is frozen would not be found
    codes = {found.code for found in gc.get_objects() if type(found) is Code}
    gc.freeze()
    assert codes
    return codes


def test_every_known_code_is_declared_or_has_a_reason_not_to_be() -> None:
    missing = ledger.known().keys() - _declared() - ledger.never_answered()
    assert sorted(missing) == []


def test_codes_with_a_reason_are_known_and_not_declared() -> None:
    excused = ledger.never_answered()
    assert sorted(excused - ledger.known().keys()) == []
    assert sorted(excused & _declared()) == []


def test_a_code_that_no_test_has_seen_is_told_and_so_is_a_wrong_excuse() -> None:
    code, excuse = "SITE_DUP_NAME", min(ledger.never_answered())
    known = set(ledger.known()) - ledger.never_answered()
    assert ledger.complaints(known) == []
    assert [line.split(" ")[0] for line in ledger.complaints(known - {code} | {excuse})] == [code, excuse]
