"""Carts as an app."""

from django.apps import AppConfig


class CartConfig(AppConfig):
    name = "specimens.cart"
    label = "cart"

    def ready(self) -> None:
        from specimens.cart.reads.contents import held_by
        from specimens.specimen import below

        below.in_cart.append(held_by)
