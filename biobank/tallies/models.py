"""How many rows there are, kept by the writes themselves.

Counting a million rows takes longer than anything else a list does. Each statement that changes a tallied table adds
one row of differences here, by trigger, so bulk writes and SQL count too, and writers never wait for each other as
they would for one counter. The beat folds the differences together.
"""

from django.db import models


class Tally(models.Model):
    """A difference; the sum over a kind and key is the number of rows."""

    kind = models.CharField(max_length=40)
    key = models.BigIntegerField()
    n = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["kind", "key"], include=["n"], name="tally_totals")]
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.n:+}"
