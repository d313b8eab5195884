"""Values given to settings, newest first; the declarations are in `known.py`."""

from django.conf import settings
from django.db import models


class SettingValue(models.Model):
    """One value a setting had; the newest row of (module, name) is in force, older rows are its history."""

    module = models.CharField(max_length=64)
    name = models.CharField(max_length=128)
    value = models.TextField(blank=True)
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    activated_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["module", "name", "-id"], name="setting_newest")]

    def __str__(self) -> str:
        return f"{self.module}/{self.name}"
