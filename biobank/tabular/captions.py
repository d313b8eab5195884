"""The header line of a schema's files (spec 04 §3.1, §5)."""

from collections.abc import Iterator

from biobank.batch.schema import Column, Items

TEMPLATE_REPEATS = 2


def captions(items: Items, prefix: str = "") -> Iterator[str]:
    """The header of a template: everything repeated appears twice (spec 04 §3.1)."""
    for item in items:
        if isinstance(item, Column) and not item.template:
            continue
        for number in [f"#{n}" for n in range(1, TEMPLATE_REPEATS + 1)] if item.multiple else [""]:
            if isinstance(item, Column):
                yield f"{prefix}{item.caption}{number}"
            elif item.caption is None:
                yield from captions(item.columns, prefix)
            else:
                yield from captions(item.columns, f"{prefix}{item.caption}{number}#")
