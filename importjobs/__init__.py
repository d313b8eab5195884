"""Bulk import jobs (spec 04)."""
