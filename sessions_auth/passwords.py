"""Passwords: changing, forgetting and resetting them (spec 01 §C.6)."""

import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from biobank.access import Actor
from biobank.configuration.reads import flag, number, setting
from biobank.records import stamp
from biobank.wire.errors import Refused
from sessions_auth import mail, rules, signin, tokens
from sessions_auth.actor import system_actor
from sessions_auth.detail import ForgottenPassword, NewPassword, PasswordChange
from sessions_auth.models import PasswordHistory, PasswordReset, User
from sessions_auth.resources import LOCAL_DOMAIN

RESET_WITHIN = timedelta(hours=24)
LONGEST = 1000  # characters; hashing longer ones would only cost time


def change(wish: PasswordChange, actor: Actor, *, keep_token: str | None) -> None:
    """Change a password as its owner or as an administrator. Raises `Refused`, see spec 01 §C.6."""
    user = _users().filter(pk=wish.user_id or 0).first()
    if user is None:
        raise Refused(rules.NOT_FOUND(key=wish.user_id))
    if user.domain.name != LOCAL_DOMAIN:
        raise Refused(rules.PASSWD_CHANGE_NOT_ALLOWED())
    own = user.pk == actor.user_id
    if own:
        _check_old(user, wish.old_password)
    elif not _administers(actor, user):
        raise Refused(rules.PERMISSION_DENIED())
    put(user, wish.new_password, actor, force_reset=not own)
    tokens.revoke_all([user.pk], but=keep_token if own else None)
    mail.password_changed(user)


def _users() -> QuerySet[User]:
    return User.objects.select_related("domain", "institute").exclude(activity_status="Disabled")


def _check_old(user: User, old: str | None) -> None:
    if not old:
        raise Refused(rules.OLD_PASSWD_NOT_SPECIFIED())
    if not user.check_password(old):
        raise Refused(rules.INVALID_OLD_PASSWD())


def _administers(actor: Actor, user: User) -> bool:
    if actor.is_super:
        return True
    same = actor.institute_id == user.institute_id
    return actor.is_institute_admin and same and user.type != User.Type.SUPER


def put(user: User, password: str | None, actor: Actor, *, force_reset: bool) -> None:
    """Store a new password; a locked or expired account becomes active. Raises `Refused` when it breaks a rule."""
    if user.type == User.Type.CONTACT:
        return
    refuse_wrong(user, password)
    revived = user.activity_status in ("Locked", "Expired")
    encoded = make_password(password)
    changes = {
        "password": encoded,
        "password_changed_at": timezone.now(),
        "expiry_warned_at": None,
        "force_password_reset": force_reset,
        "activity_status": "Active" if revived else user.activity_status,
    }
    with transaction.atomic():
        stamp(actor)
        User.objects.filter(pk=user.pk).update(**changes)
        PasswordHistory.objects.create(user=user, password=encoded)
        PasswordReset.objects.filter(user=user).delete()
        if revived:
            signin.restart_count([user.pk], "reset")


def refuse_wrong(user: User | None, password: str | None) -> None:
    """Raise `Refused` for a new password that breaks a rule; `user` None: nobody has it yet."""
    if not password or "\0" in password or len(password) > LONGEST:
        raise Refused(rules.PASSWD_VIOLATES_RULES())
    if not rules.follows(password, setting("auth", "password_pattern")):
        raise Refused(rules.PASSWD_VIOLATES_RULES())
    examined = number("auth", "passwords_to_examine")
    if user is None or examined <= 0:
        return
    earlier = PasswordHistory.objects.filter(user=user).order_by("-pk").values_list("password", flat=True)
    if any(check_password(password, encoded) for encoded in earlier[:examined]):
        raise Refused(rules.PASSWD_SAME_AS_LAST_N())


class PasswordRules:
    """The same rules for Django's own form in the admin, and the same consequences."""

    def validate(self, password: str, user: User | None = None) -> None:
        try:
            refuse_wrong(user, password)
        except Refused as refused:
            raise ValidationError(refused.problems[0].message) from None

    def get_help_text(self) -> str:
        return setting("auth", "password_rule")

    def password_changed(self, password: str, user: User | None = None) -> None:
        """Called when a user is saved with a new password, which `put` does not do."""
        if user is None or user.pk is None:
            return
        User.objects.filter(pk=user.pk).update(password_changed_at=timezone.now(), expiry_warned_at=None)
        PasswordHistory.objects.create(user=user, password=user.password)
        tokens.revoke_all([user.pk])


def forgotten(wish: ForgottenPassword) -> None:
    """Mail a link to choose a new password; an account that does not exist is not told apart."""
    if not flag("auth", "forgot_password"):
        raise Refused(rules.FORGOT_DISABLED())
    if not (wish.id or wish.login_name or wish.email_address or wish.user_id):
        raise Refused(rules.EMAIL_REQUIRED())
    user = _meant(wish)
    if user is None:
        return
    usable = user.activity_status in ("Active", "Locked", "Expired") and user.type != User.Type.CONTACT
    if not usable or user.domain.name != LOCAL_DOMAIN:
        raise Refused(rules.NOT_IN_OS_DOMAIN())
    mail.password_link(user, reset_token(user))


def _meant(wish: ForgottenPassword) -> User | None:
    rows = _users().exclude(login_name__startswith="$").order_by("pk")
    if wish.domain_name:
        rows = rows.filter(domain__name__iexact=wish.domain_name)
    if wish.id:
        return rows.filter(pk=wish.id).first()
    if wish.login_name:
        return rows.filter(login_name__iexact=wish.login_name).first()
    if wish.email_address:
        return rows.filter(email_address__iexact=wish.email_address).first()
    by_login = rows.filter(login_name__iexact=wish.user_id).first()
    return by_login or rows.filter(email_address__iexact=wish.user_id).first()


def reset_token(user: User) -> str:
    """A fresh token to choose a password with; the user's earlier one is void."""
    return reset_tokens([user])[user.pk]


def reset_tokens(users: Iterable[User]) -> dict[int, str]:
    """Fresh tokens to choose passwords with, by user; one statement."""
    texts = {user.pk: secrets.token_urlsafe(32) for user in users}
    now = timezone.now()
    PasswordReset.objects.bulk_create(
        [PasswordReset(user_id=pk, digest=tokens.digest(text), created_at=now) for pk, text in texts.items()],
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["digest", "created_at"],
    )
    return texts


def reset(wish: NewPassword) -> None:
    """Choose a password with a reset token, which is used up. Raises `Refused`, see spec 01 §C.6."""
    found = PasswordReset.objects.filter(digest=tokens.digest(wish.reset_password_token or "")).first()
    if found is None or timezone.now() - found.created_at > RESET_WITHIN:
        raise Refused(rules.INVALID_PASSWD_TOKEN())
    user = _users().filter(pk=found.user_id).first()
    if user is None or user.login_name.lower() != (wish.login_name or "").lower():
        raise Refused(rules.NOT_FOUND(key=wish.login_name))
    put(user, wish.new_password, system_actor("reset"), force_reset=False)
    tokens.revoke_all([user.pk])
    mail.password_changed(user)
