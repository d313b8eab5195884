"""Users, their tokens, the login audit, and roles (spec 01 parts B, C, D)."""

from collections.abc import Iterable

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from biobank.records import Record, tracked
from sites.models import Institute, Site


class AuthDomain(models.Model):
    """Where passwords are checked; `openspecimen` is the server itself."""

    name = models.CharField(max_length=64, unique=True)
    auth_type = models.CharField(max_length=32, default="openspecimen")
    impl_class = models.CharField(max_length=255, blank=True)
    props = models.JSONField(default=dict, blank=True)
    activity_status = models.CharField(max_length=20, default="Active")

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(login_name__iexact=username)


@tracked
class User(Record, AbstractBaseUser):
    """A person (or program) known to the biobank; `type` is SUPER, INSTITUTE, NONE or CONTACT."""

    class Type(models.TextChoices):
        SUPER = "SUPER", "Super administrator"
        INSTITUTE = "INSTITUTE", "Institute administrator"
        NONE = "NONE", "Regular user"
        CONTACT = "CONTACT", "Contact"

    login_name = models.CharField(max_length=255)
    domain = models.ForeignKey(AuthDomain, models.PROTECT)
    first_name = models.CharField(max_length=255)
    last_name = models.CharField(max_length=255)
    email_address = models.CharField(max_length=255)
    type = models.CharField(max_length=10, choices=Type, default=Type.NONE)
    institute = models.ForeignKey(Institute, models.PROTECT, related_name="users")
    primary_site = models.ForeignKey(Site, models.SET_NULL, null=True, blank=True, related_name="+")
    phone_number = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    address = models.TextField(null=True, blank=True)  # noqa: DJ001
    manage_forms = models.BooleanField(default=False)
    manage_wfs = models.BooleanField(default=False)
    manage_print_jobs = models.BooleanField(default=False)
    dnd = models.BooleanField(default=False)
    api_user = models.BooleanField(default=False)
    ip_range = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    time_zone = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    default_printer = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    download_labels_print_file = models.BooleanField(default=False)
    force_password_reset = models.BooleanField(default=False)
    creation_date = models.DateTimeField(default=timezone.now)
    password_changed_at = models.DateTimeField(null=True)
    expiry_warned_at = models.DateTimeField(null=True, blank=True)  # about the present password
    ui_state = models.JSONField(default=dict, blank=True)
    last_login = None  # the login audit knows

    objects = UserManager()
    USERNAME_FIELD = "login_name"
    REQUIRED_FIELDS = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("login_name"),
                "domain",
                name="user_login",
                violation_error_code="USER_DUP_LOGIN_NAME",
                violation_error_message="A user with the same login name exists already",
            ),
            models.UniqueConstraint(
                Lower("email_address"),
                name="user_email",
                violation_error_code="USER_DUP_EMAIL",
                violation_error_message="A user with the same e-mail address exists already",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.login_name

    # What Django's admin asks of a user
    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.activity_status == "Active" and self.type != self.Type.CONTACT

    @property
    def is_staff(self) -> bool:
        """Who may sign in to the admin: everybody who may sign in; its pages ask for rights themselves."""
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        return self.type == self.Type.SUPER

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Pages that ask for no right of ours are for super administrators."""
        return self.is_active and self.is_superuser

    def has_perms(self, perms: Iterable[str], obj: object = None) -> bool:
        return self.is_active and self.is_superuser

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_superuser


@tracked
class UserGroup(Record):
    """People of an institute under one name; groups carry no rights (spec 01 §C.11, §D.1)."""

    name = models.CharField(max_length=255)
    description = models.TextField()
    institute = models.ForeignKey(Institute, models.PROTECT, related_name="user_groups")
    users = models.ManyToManyField(User, blank=True, related_name="user_groups")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="user_group_name",
                violation_error_code="USER_GROUP_DUP_NAME",
                violation_error_message="A user group with the same name exists already",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Notification(models.Model):
    """What a user was told by mail; never what only the addressee of the mail may know, such as a link."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    message = models.CharField(max_length=500)
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_newest"),
            models.Index(fields=["user"], name="notification_unread", condition=models.Q(read_at=None)),
        ]

    def __str__(self) -> str:
        return self.message


class Favorite(models.Model):
    """A page that a user wants to find again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="favorites")
    title = models.CharField(max_length=255)
    view_url = models.CharField(max_length=2000)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "view_url"], name="user_favorite")]

    def __str__(self) -> str:
        return self.title


class Token(models.Model):
    """A sign-in token; only the digest is stored, so a leaked table signs nobody in."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    ip_address = models.CharField(max_length=64, blank=True)
    device = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"token {self.pk} of {self.user_id}"


class LoginAudit(models.Model):
    """Every attempt to sign in to an account that exists."""

    user = models.ForeignKey(User, models.CASCADE, related_name="logins")
    ip_address = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=timezone.now)
    success = models.BooleanField()
    door = models.CharField(max_length=10, default="rest")

    class Meta:
        indexes = [models.Index(fields=["user", "-id"], name="login_newest")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.at:%F %T} {'ok' if self.success else 'failed'}"


class PasswordHistory(models.Model):
    """Earlier password hashes of a user."""

    user = models.ForeignKey(User, models.CASCADE, related_name="passwords")
    password = models.CharField(max_length=255)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"password of {self.user_id} until {self.at:%F}"


class PasswordReset(models.Model):
    """The one live reset token of a user, as a digest."""

    user = models.OneToOneField(User, models.CASCADE, related_name="reset")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"reset of {self.user_id}"


class OneTimePassword(models.Model):
    """The one live one-time password of a user, as a keyed digest (six digits alone would be guessed)."""

    user = models.OneToOneField(User, models.CASCADE, related_name="one_time_password")
    digest = models.CharField(max_length=64)
    ip_address = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"one-time password of {self.user_id}"


class RightWord(models.Model):
    """A resource or an operation that an installation added to the vocabulary of rights (spec 01 §D.4)."""

    class Kind(models.TextChoices):
        RESOURCE = "resource"
        OPERATION = "operation"

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="right_word")]

    def __str__(self) -> str:
        return self.name


class Permission(models.Model):
    """A resource with an operation that an installation added to the rights there are."""

    resource = models.CharField(max_length=64)
    operation = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "operation"],
                name="rbac_permission",
                violation_error_code="RBAC_DUPLICATE_PERMISSION",
                violation_error_message="There is this permission already",
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.operation}"


@tracked
class Role(models.Model):
    name = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=255, blank=True)

    def __str__(self) -> str:
        return self.name


@tracked
class RoleEntry(models.Model):
    """A role's operations on one resource (spec 01 §D.4)."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="acl")
    resource = models.CharField(max_length=64)
    operations = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "resource"], name="role_resource")]

    def __str__(self) -> str:
        return f"{self.role_id} {self.resource}"


@tracked
class SubjectRole(models.Model):
    """A role of a user, for a site or all of them, for a protocol or all of them (spec 01 §D.3)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="subject_roles")
    role = models.ForeignKey(Role, models.PROTECT)
    site = models.ForeignKey(Site, models.CASCADE, null=True, blank=True)
    protocol = models.ForeignKey("protocol.CollectionProtocol", models.CASCADE, null=True, blank=True)
    system_role = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.user_id} {self.role_id}"
