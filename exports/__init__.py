"""Cached zip exports of repository versions (spec 06)."""
