"""Visits of participants."""
