"""What happens every hour: dead tokens and old notifications go, accounts are looked after."""

from biobank.jobs.tasks import register_broom
from sessions_auth import expiry, personal, tokens


@register_broom
def remove_dead_tokens() -> None:
    tokens.remove_dead()


@register_broom
def forget_old_notifications() -> None:
    personal.forget_old()


@register_broom
def look_after_accounts() -> None:
    expiry.look_after()
