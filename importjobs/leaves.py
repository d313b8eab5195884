"""The columns of a schema one by one, with their full captions and paths: for previews and documentation."""

from collections.abc import Iterator
from dataclasses import dataclass

from biobank.batch.schema import Column, Items


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column as a header may have it: `Events#1#Label` means `events[0].label`."""

    caption: str
    path: str
    column: Column
    repeated: bool


def leaves(
    items: Items,
    *,
    number: str = "1",
    index: str = "0",
    prefix: str = "",
    path: str = "",
    within: bool = False,
) -> Iterator[Leaf]:
    """Every column once, in the order of a template; `number` and `index` stand for whatever repeats."""
    for item in items:
        repeated = within or item.multiple
        caption = f"{item.caption}#{number}" if item.multiple else item.caption
        attribute = f"{path}{item.attribute}[{index}]" if item.multiple else f"{path}{item.attribute}"
        if isinstance(item, Column):
            yield Leaf(f"{prefix}{caption}", attribute, item, repeated)
        else:
            inner = prefix if item.caption is None else f"{prefix}{caption}#"
            yield from leaves(
                item.columns, number=number, index=index, prefix=inner, path=f"{attribute}.", within=repeated
            )
