"""Free JSON that clients may store: it must come back out (workflows, default custom values)."""

from typing import Any

DEEPEST = 100  # levels; what nests deeper cannot be written as an answer


def is_storable(value: Any) -> bool:
    """Whether a JSON value holds no NUL (no column takes one) and does not nest too deeply; costs no stack."""
    waiting = [(value, 1)]
    while waiting:
        found, depth = waiting.pop()
        if isinstance(found, str):
            if "\0" in found:
                return False
        elif isinstance(found, dict | list):
            if depth > DEEPEST:
                return False
            inner = [*found.keys(), *found.values()] if isinstance(found, dict) else found
            waiting += [(item, depth + 1) for item in inner]
    return True
