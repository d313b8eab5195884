"""The query language, saved queries, schedules and runs (spec 05)."""
