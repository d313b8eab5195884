"""Participants, visits and specimens in one table: imports only, no records of its own (spec 04 §5.16)."""
