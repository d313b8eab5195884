"""Institutes and sites."""
