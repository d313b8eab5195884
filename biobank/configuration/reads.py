"""The values of settings: those in force, and those there were."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from biobank import memory
from biobank.configuration.detail import Activator, Locale, SettingDetail
from biobank.configuration.known import KNOWN, Known, default_of
from biobank.configuration.models import SettingValue
from biobank.wire.dates import server_zone

SECONDS = 10
HIDDEN = "********"


def memory_key(module: str, name: str) -> str:
    return f"setting:{module}:{name}"


def setting(module: str, name: str) -> str:
    """The setting's value as text: the newest stored one, else its default. Remembered for seconds."""
    key = memory_key(module, name)
    value: str | None = memory.recall(key)
    if value is None:
        stored = (
            SettingValue.objects.filter(module=module, name=name)
            .order_by("-id")
            .values_list("value", flat=True)
            .first()
        )
        value = stored if stored not in (None, "") else default_of(module, name)
        memory.remember(key, value, SECONDS)
    return value or ""


def flag(module: str, name: str) -> bool:
    """A BOOLEAN setting."""
    return _is_true(setting(module, name))


def flag_of_every_write(module: str, name: str) -> bool:
    """A BOOLEAN setting that every write asks for: for a second a process goes by what it was told before."""
    key = memory_key(module, name)
    value = memory.recall_near(key)
    if value is None:
        value = flag(module, name)
        memory.keep_near(key, value, 1)
    return bool(value)


def _is_true(text: str) -> bool:
    return text.lower() in ("true", "1", "yes", "on")


def number(module: str, name: str) -> int:
    """An INT setting; its default when the stored text is no number."""
    try:
        return int(setting(module, name))
    except ValueError:
        return int(default_of(module, name) or 0)


def details(module: str | None, name: str | None = None) -> list[SettingDetail]:
    """Settings with the values in force, by module and name; one query."""
    wanted = [
        known for known in KNOWN if module in (None, "", known.module) and name in (None, "", known.name)
    ]
    newest = SettingValue.objects.order_by("module", "name", "-id").distinct("module", "name")
    stored = {(row.module, row.name): row for row in newest}
    return [
        _detail(known, stored.get((known.module, known.name)))
        for known in sorted(wanted, key=lambda known: (known.module, known.name))
    ]


def history(module: str | None, name: str | None) -> list[SettingDetail]:
    """The values a setting had, newest first; one query."""
    rows = SettingValue.objects.filter(module=module or "", name=name or "").select_related("activated_by")
    found: Sequence[Known] = [known for known in KNOWN if (known.module, known.name) == (module, name)]
    if not found:
        return []
    details = []
    for row in rows.order_by("-id")[:1000]:
        detail = _detail(found[0], row)
        user = row.activated_by
        if user is not None:
            detail.activated_by = Activator(
                id=user.pk,
                first_name=user.first_name,
                last_name=user.last_name,
                login_name=user.login_name,
                email_address=user.email_address,
            )
        details.append(detail)
    return details


def _detail(known: Known, row: SettingValue | None) -> SettingDetail:
    value = row.value if row is not None and row.value else known.default
    return SettingDetail(
        id=row.pk if row is not None else None,
        module=known.module,
        name=known.name,
        value=HIDDEN if known.secured and value else value,
        type=known.type,
        allowed_values=list(known.allowed),
        display_name_code=f"{known.module}_{known.name}",
        desc_code=f"{known.module}_{known.name}_desc",
        activation_date=row.activated_at if row is not None else None,
        secured=known.secured,
    )


def locale(now: datetime | None = None) -> Locale:
    """How dates look here (spec 01 §E.4)."""
    offset = (now or timezone.now()).astimezone(server_zone()).utcoffset()
    forms = setting("common", "de_date_format")
    return Locale(
        locale=setting("common", "locale"),
        date_fmt=setting("common", "date_format"),
        time_fmt=setting("common", "time_format"),
        de_fe_date_fmt=forms.replace("MMM", "M") if "MMM" in forms else forms.replace("MM", "mm"),
        de_be_date_fmt=forms,
        utc_offset=-int(offset.total_seconds() * 1000) if offset else 0,
    )
