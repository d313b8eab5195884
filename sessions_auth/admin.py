"""Users, roles, sessions and the login audit in the admin; users are written through the same door as in the API."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminPasswordWidget

from biobank.access import Actor
from biobank.admin import DoorAdmin, DoorForm, ReadOnlyAdmin, actor_in
from biobank.wire.errors import Refused
from sessions_auth import mail, passwords, tokens
from sessions_auth import settings_admin as settings_admin  # registers its page
from sessions_auth.detail import UserDetail
from sessions_auth.models import AuthDomain, LoginAudit, Role, RoleEntry, SubjectRole, Token, User
from sessions_auth.writes import USERS


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
    list_filter = ["activity_status", "type", "domain", "institute"]
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
    actions = ["mail_password_links", "end_sessions"]

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
        super().save_model(request, obj, form, change)
        password = form.cleaned_data.get("new_password")
        if password:
            actor = actor_in(request)
            passwords.put(obj, password, actor, force_reset=obj.pk != actor.user_id)
            tokens.revoke_all([obj.pk])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Roles are shown, not edited; saving nothing tells the admin that nothing changed."""
        for formset in formsets:
            formset.save()

    @admin.action(description="Mail a link to choose a password")
    def mail_password_links(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        users = rows.filter(activity_status__in=["Active", "Locked", "Expired"])[:100]
        for user in users:
            mail.password_link(user, passwords.reset_token(user))
        messages.success(request, f"{len(users)} mails sent")

    @admin.action(description="End all sessions")
    def end_sessions(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        tokens.revoke_all(rows.values_list("pk", flat=True))
        messages.success(request, "The sessions have ended")


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
