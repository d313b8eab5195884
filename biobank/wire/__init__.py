"""The HTTP conventions of the API, once (spec 01 part A)."""
