"""Carts as an app."""

from django.apps import AppConfig


class CartConfig(AppConfig):
    name = "specimens.cart"
    label = "cart"
