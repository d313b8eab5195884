"""Adding pick-list values."""

from collections.abc import Iterable

from django.db import transaction

from biobank.batch.insert import insert
from terminology.models import PermissibleValue


def add_terms(terms: Iterable[tuple[str, str, str]]) -> int:
    """Add (attribute, value, concept code) where the list does not have the value yet; returns how many."""
    wanted = {(attribute, value.lower()): (value, code) for attribute, value, code in sorted(terms)}
    with transaction.atomic():
        rows = PermissibleValue.objects.filter(
            attribute__in={attribute for attribute, _ in wanted}, parent=None
        )
        present = {(row.attribute, row.value.lower()) for row in rows}
        new = [
            PermissibleValue(attribute=attribute, value=value, concept_code=code[:64] or None)
            for (attribute, lowered), (value, code) in wanted.items()
            if (attribute, lowered) not in present
        ]
        insert(new)
    return len(new)
