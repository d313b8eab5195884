"""Carts: lists of specimens that people keep, share and pick from."""
