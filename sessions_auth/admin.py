"""Users, roles, sessions and the login audit in the admin; users are written through the same door as in the API."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminPasswordWidget

from biobank.access import Actor
from biobank.admin import DoorAdmin, DoorForm, ReadOnlyAdmin, actor_in, known_values
from biobank.batch.door import Change, Refusal
from biobank.quick import Done, bulk, quick
from biobank.wire.errors import Refused, refuse_if
from sessions_auth import letters, mail, passwords, tokens
from sessions_auth import settings_admin as settings_admin  # registers its page
from sessions_auth.detail import UserDetail
from sessions_auth.models import AuthDomain, LoginAudit, Role, RoleEntry, SubjectRole, Token, User
from sessions_auth.resources import LOCAL_DOMAIN
from sessions_auth.rules import STATUSES as USER_STATUSES
from sessions_auth.writes import USERS, change_all


class UserForm(DoorForm):
    """A user's page; a new password, when one is typed, goes through the rules of every password."""

    new_password = forms.CharField(
        required=False, widget=UnfoldAdminPasswordWidget, help_text="Leave empty to keep the password."
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("new_password"):
            try:
                passwords.refuse_wrong(self.instance if self.instance.pk else None, found["new_password"])
            except Refused as refused:
                self.add_error("new_password", refused.problems[0].message)
        return found


class ReadOnlyInline(TabularInline):  # type: ignore[misc]
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class SubjectRoleInline(ReadOnlyInline):
    model = SubjectRole
    fields = ["role", "site", "protocol", "system_role"]


@admin.register(User)
class UserAdmin(DoorAdmin):
    pickable = True
    activities = USER_STATUSES
    door = USERS
    detail = UserDetail
    resource = "User"
    form = UserForm
    list_display = [
        "login_name",
        "first_name",
        "last_name",
        "email_address",
        "type",
        "institute",
        "activity_status",
    ]
    list_filter = [("activity_status", known_values(lambda: USER_STATUSES)), "type", "domain", "institute"]
    list_select_related = ["institute", "domain"]
    search_fields = ["login_name", "first_name", "last_name", "email_address"]
    ordering = ["first_name", "last_name", "pk"]
    autocomplete_fields = ["institute", "primary_site"]
    fields = [
        ("first_name", "last_name"), ("login_name", "domain"), "email_address", "type",
        ("institute", "primary_site"), "activity_status", "new_password", ("phone_number", "time_zone"), "address",
        ("manage_forms", "dnd"), ("api_user", "ip_range"),
    ]  # fmt: skip
    inlines = [SubjectRoleInline]
    actions = ["lock_all", "activate_all", "mail_password_links", "end_sessions"]
    actions_detail = ["lock", "activate", "mail_link"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(institute=actor.institute_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).exclude(login_name__startswith="$")

    def detail_of(self, form: Any) -> UserDetail:
        data = dict(form.cleaned_data)
        data.pop("new_password", None)
        for key, name in (
            ("institute", "institute_name"),
            ("primary_site", "primary_site"),
            ("domain", "domain_name"),
        ):
            row = data.pop(key, None)
            data[name] = row.name if row is not None else None
        return UserDetail(**data)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = letters.statuses([obj.pk] if change else [])
        super().save_model(request, obj, form, change)
        letters.tell_changes(before)
        password = form.cleaned_data.get("new_password")
        if password:
            actor = actor_in(request)
            passwords.put(obj, password, actor, force_reset=obj.pk != actor.user_id)
            tokens.revoke_all([obj.pk])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Roles are shown, not edited; saving nothing tells the admin that nothing changed."""
        for formset in formsets:
            formset.save()

    @quick(
        "Lock",
        icon="lock",
        when=lambda row: row.activity_status == "Active",
        ask="Nobody signs in with a locked account.",
    )
    def lock(self, row: User, given: dict[str, Any], actor: Actor) -> Done:
        change_status([row.pk], "Locked", actor)
        return Done(f"{row} is locked")

    @quick(
        "Activate", icon="lock_open", when=lambda row: row.activity_status not in ("Active", "Disabled"),
        ask="Unlocks, approves or reopens the account. Who was waiting for approval gets a mail.",
    )  # fmt: skip
    def activate(self, row: User, given: dict[str, Any], actor: Actor) -> Done:
        change_status([row.pk], "Active", actor)
        return Done(f"{row} is active")

    @quick(
        "Send a reset link", icon="mail", submit="Send", when=lambda row: row.activity_status == "Active",
        ask="The user gets a mail with a link to choose a password.",
    )  # fmt: skip
    def mail_link(self, row: User, given: dict[str, Any], actor: Actor) -> Done:
        return Done(mail_links([row.pk], actor))

    @bulk("Lock the chosen users", submit="Lock")
    def lock_all(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        change_status(pks, "Locked", actor)
        return Done(f"{len(pks)} users are locked")

    @bulk("Activate the chosen users", submit="Activate")
    def activate_all(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        change_status(pks, "Active", actor)
        return Done(f"{len(pks)} users are active")

    @bulk("Mail a link to choose a password", submit="Send")
    def mail_password_links(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        return Done(mail_links(pks, actor))

    @bulk("End all sessions", submit="End", ask="Who is signed in must sign in again.")
    def end_sessions(self, pks: list[int], given: dict[str, Any], actor: Actor) -> Done:
        require_rights(pks, actor)
        tokens.revoke_all(pks)
        return Done("The sessions have ended")


def change_status(pks: list[int], status: str, actor: Actor) -> None:
    """Lock or activate users, all or none, and tell them; who was approved gets a link to choose a password."""
    before = letters.statuses(pks)
    change_all(pks, UserDetail(activity_status=status), actor)
    letters.tell_changes(before)


def mail_links(pks: list[int], actor: Actor) -> str:
    """Mail links to choose a password to those of the users who sign in with one; answers what was done."""
    require_rights(pks, actor)
    users = User.objects.filter(pk__in=pks, activity_status__in=["Active", "Locked", "Expired"])
    found = list(users.filter(domain__name=LOCAL_DOMAIN).exclude(type=User.Type.CONTACT))
    links = passwords.reset_tokens(found)
    for user in found:
        mail.password_link(user, links[user.pk])
    return f"{len(found)} mails sent"


def require_rights(pks: list[int], actor: Actor) -> None:
    """Raise what a change of the users would raise; nothing is changed."""
    with transaction.atomic():
        planned = USERS.plan([Change(UserDetail(), pk) for pk in pks], actor)
    problems = [problem for one in planned if isinstance(one, Refusal) for problem in one.problems]
    refuse_if(problems)


class RoleEntryInline(ReadOnlyInline):
    model = RoleEntry
    fields = ["resource", "operations"]


@admin.register(Role)
class RoleAdmin(ReadOnlyAdmin):
    list_display = ["name", "description"]
    search_fields = ["name"]
    ordering = ["name"]
    inlines = [RoleEntryInline]


@admin.register(SubjectRole)
class SubjectRoleAdmin(ReadOnlyAdmin):
    list_display = ["user", "role", "site", "protocol", "system_role"]
    list_filter = ["role", "system_role"]
    list_select_related = ["user", "role", "site", "protocol"]
    search_fields = ["user__login_name", "user__last_name", "role__name"]


@admin.register(AuthDomain)
class AuthDomainAdmin(ReadOnlyAdmin):
    list_display = ["name", "auth_type", "activity_status"]
    fields = ["name", "auth_type", "impl_class", "activity_status"]


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """Who is signed in; what a token is made of is never shown."""

    list_display = ["user", "created_at", "last_used_at", "ip_address", "device"]
    list_select_related = ["user"]
    search_fields = ["user__login_name", "ip_address"]
    ordering = ["-last_used_at"]
    fields = ["user", "created_at", "last_used_at", "ip_address", "device"]


@admin.register(LoginAudit)
class LoginAuditAdmin(ReadOnlyAdmin):
    list_display = ["at", "user", "success", "door", "ip_address"]
    list_filter = ["success", "door"]
    list_select_related = ["user"]
    search_fields = ["user__login_name", "ip_address"]
    ordering = ["-pk"]
