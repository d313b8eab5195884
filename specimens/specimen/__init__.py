"""Specimens, their tree and events."""
