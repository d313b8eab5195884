"""The mails people get about their accounts; a mail that cannot be sent stops nothing."""

import logging
import smtplib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMessage

from biobank.configuration.reads import setting
from sessions_auth.models import User

log = logging.getLogger("biobank.mail")


def send(subject: str, text: str, to: Sequence[str]) -> None:
    """Send one mail to each address. Addresses are not shown to each other, and texts never enter the log."""
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        Path(settings.EMAIL_FILE_PATH).mkdir(mode=0o700, parents=True, exist_ok=True)
    for address in to:
        try:
            EmailMessage(f"[biobank] {subject}", text, to=[address]).send()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            log.warning("a mail could not be sent: %s", type(error).__name__)


def _server() -> str:
    return setting("common", "app_url").rstrip("/")


def password_link(user: User, token: str, *, approved: bool = False) -> None:
    """How to choose a new password."""
    begin = (
        "Your account has been approved." if approved else "Somebody, probably you, asked for a new password."
    )
    link = f"{_server()}/reset-password?{urlencode({'loginName': user.login_name, 'token': token})}"
    send("Your password", f"{begin}\nChoose it here, within 24 hours:\n\n{link}\n", [user.email_address])


def password_changed(user: User) -> None:
    send("Your password was changed", "If this was not you, tell an administrator.\n", [user.email_address])


def account_locked(user: User, administrators: Sequence[str] = ()) -> None:
    text = f"The account {user.login_name} is locked after too many failed attempts to sign in.\n"
    send("An account is locked", text, [user.email_address, *administrators])


def signed_up(user: User, administrators: Sequence[str]) -> None:
    text = f"{user.first_name} {user.last_name} ({user.login_name}) asks for an account.\n{_server()}\n"
    send("Somebody signed up", text, administrators)


def impersonated(user: User, administrator: User) -> None:
    text = f"{administrator.login_name} acts for {user.login_name} for up to an hour.\n"
    send("An administrator acts for a user", text, [user.email_address, administrator.email_address])
