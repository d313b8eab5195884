"""The value of a setting that is in force."""

from django.core.cache import cache

from biobank.configuration.known import default_of
from biobank.configuration.models import SettingValue

SECONDS = 10


def setting(module: str, name: str) -> str:
    """The setting's value as text: the newest stored one, else its default. Cached for seconds."""
    key = f"setting:{module}:{name}"
    value: str | None = cache.get(key)
    if value is None:
        stored = (
            SettingValue.objects.filter(module=module, name=name)
            .order_by("-id")
            .values_list("value", flat=True)
            .first()
        )
        value = stored if stored not in (None, "") else default_of(module, name)
        cache.set(key, value, SECONDS)
    return value or ""


def flag(module: str, name: str) -> bool:
    """A BOOLEAN setting."""
    return setting(module, name).lower() in ("true", "1", "yes", "on")


def number(module: str, name: str) -> int:
    """An INT setting; its default when the stored text is no number."""
    try:
        return int(setting(module, name))
    except ValueError:
        return int(default_of(module, name) or 0)
