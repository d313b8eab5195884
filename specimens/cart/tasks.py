"""What workers and beat do for carts."""

from celery import shared_task

from biobank.jobs.tasks import register_broom
from specimens.cart import notices, writes


@shared_task(name=notices.TASK)
def tell(cart: int, by: int, joined: list[int], left: list[int], groups: list[int]) -> None:
    notices.tell(cart, by, joined, left, groups)


@register_broom
def forget_idle_pick_lists() -> None:
    writes.forget_idle()
