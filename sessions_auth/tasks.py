"""What is swept away every hour: sign-in tokens nobody can use any more."""

from biobank.jobs.tasks import register_broom
from sessions_auth import tokens


@register_broom
def remove_dead_tokens() -> None:
    tokens.remove_dead()
