"""User groups: people of an institute under one name, to share things with (spec 01 §C.11)."""
