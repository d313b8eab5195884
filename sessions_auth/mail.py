"""The mails people get about their accounts; a mail that cannot be sent stops nothing."""

import logging
import smtplib
from collections.abc import Sequence
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models.functions import Lower

from biobank.configuration.reads import flag, number, setting
from sessions_auth.models import Notification, User

log = logging.getLogger("biobank.mail")


def send(subject: str, text: str, to: Sequence[str], *, personal: bool = False) -> None:
    """Send one mail to each address. Addresses are not shown to each other, and texts never enter the log.

    Users among them find the subject in their notifications. Those who want no mails get none, unless it is
    `personal`: something that only a mail can bring them.
    """
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        Path(settings.EMAIL_FILE_PATH).mkdir(mode=0o700, parents=True, exist_ok=True)
    quiet = _note(subject, to)
    for address in to:
        if address.lower() in quiet and not personal:
            continue
        try:
            EmailMessage(f"[biobank] {subject}", text, _sender(), [address], connection=_server()).send()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            log.warning("a mail could not be sent: %s", type(error).__name__)


def _note(subject: str, to: Sequence[str]) -> set[str]:
    """Write the notifications of those who have an account; answers the addresses that want no mails."""
    low = {address.lower() for address in to}
    known = User.objects.annotate(low=Lower("email_address")).filter(low__in=low)
    users = list(known.exclude(activity_status="Disabled").values_list("pk", "low", "dnd"))
    Notification.objects.bulk_create(Notification(user_id=pk, message=subject[:500]) for pk, _, _ in users)
    return {address for _, address, dnd in users if dnd}


def _server() -> Any:
    """Where mails are handed over: the settings `email/...` when they name a server, else the environment's."""
    host = setting("email", "server_host")
    if not host:
        return get_connection()
    signs_in = flag("email", "auth_enabled")
    return get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=host,
        port=number("email", "server_port"),
        username=setting("email", "account_id") if signs_in else "",
        password=setting("email", "account_password") if signs_in else "",
        use_tls=flag("email", "starttls_enabled"),
        timeout=settings.EMAIL_TIMEOUT,
    )


def _sender() -> str:
    """The sender's address: the mail account when it is an address, else the configured one."""
    account = setting("email", "account_id")
    return account if "@" in parseaddr(account)[1] else settings.DEFAULT_FROM_EMAIL


def _address() -> str:
    return setting("common", "app_url").rstrip("/")


def administrators_too(addresses: Sequence[str]) -> list[str]:
    """The addresses with that of setting `email/admin_email_id`, each once."""
    extra = [part.strip() for part in setting("email", "admin_email_id").split(",") if part.strip()]
    return list(dict.fromkeys([*addresses, *extra]))


def password_link(user: User, token: str, *, approved: bool = False) -> None:
    """How to choose a new password."""
    begin = (
        "Your account has been approved." if approved else "Somebody, probably you, asked for a new password."
    )
    link = f"{_address()}/reset-password?{urlencode({'loginName': user.login_name, 'token': token})}"
    text = f"{begin}\nChoose it here, within 24 hours:\n\n{link}\n"
    send("Your password", text, [user.email_address], personal=True)


def password_changed(user: User) -> None:
    text = "If this was not you, tell an administrator.\n"
    send("Your password was changed", text, [user.email_address], personal=True)


def password_expires(user: User, days: int) -> None:
    text = (
        f"The password of {user.login_name} expires in {days} days. Please change it before:\n{_address()}\n"
    )
    send("Your password expires soon", text, [user.email_address], personal=True)


def password_expired(user: User) -> None:
    text = (
        f"The password of {user.login_name} is too old. Ask for a link to choose a new one:\n{_address()}\n"
    )
    send("Your password has expired", text, [user.email_address], personal=True)


def one_time_password(user: User, digits: str) -> None:
    text = f"{digits}\n\nis your one-time password, valid for 5 minutes. If you did not ask for it, do nothing.\n"
    send("Your one-time password", text, [user.email_address], personal=True)


def account_locked(user: User, administrators: Sequence[str] = ()) -> None:
    text = f"The account {user.login_name} is locked after too many failed attempts to sign in.\n"
    send("An account is locked", text, administrators_too([user.email_address, *administrators]))


def account_unused(user: User, administrators: Sequence[str] = ()) -> None:
    text = f"The account {user.login_name} is locked, because it was not used for a long time.\n"
    send("An account is locked", text, administrators_too([user.email_address, *administrators]))


def status_changed(user: User, status: str) -> None:
    """An administrator locked, unlocked or closed the account."""
    send(
        f"Your account is {status}", f"This is about {user.login_name}.\n{_address()}\n", [user.email_address]
    )


def sign_in_failed(user: User, address: str) -> None:
    text = (
        f"Somebody at {address or 'an unknown address'} tried to sign in as {user.login_name} and failed.\n"
    )
    send("Somebody failed to sign in", text, [user.email_address])


def session_ended(user: User) -> None:
    text = f"{user.login_name} signed in once more than is allowed, so the oldest session was ended.\n"
    send("A session was ended", text, [user.email_address])


def signed_up(user: User, administrators: Sequence[str]) -> None:
    text = f"{user.first_name} {user.last_name} ({user.login_name}) asks for an account.\n{_address()}\n"
    send("Somebody signed up", text, administrators_too(administrators))


def impersonated(user: User, administrator: User) -> None:
    text = f"{administrator.login_name} acts for {user.login_name} for up to an hour.\n"
    send("An administrator acts for a user", text, [user.email_address, administrator.email_address])


def roles_changed(user: User, what: str, administrators: Sequence[str]) -> None:
    """`what`: a line that names role and scope."""
    text = f"The roles of {user.login_name} were changed: {what}.\n"
    send("Roles of a user were changed", text, list(dict.fromkeys([user.email_address, *administrators])))
