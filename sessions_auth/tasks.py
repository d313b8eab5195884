"""What is swept away every hour: sign-in tokens nobody can use any more."""

from biobank.jobs.tasks import register_broom
from sessions_auth import personal, tokens


@register_broom
def remove_dead_tokens() -> None:
    tokens.remove_dead()


@register_broom
def forget_old_notifications() -> None:
    personal.forget_old()
