"""Carts, what is in them, pick lists, and the folders carts are kept in (spec 03 §4.3, §4.4)."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from biobank.records import Record, tracked
from sessions_auth.models import UserGroup
from specimens.specimen.models import Specimen


@tracked
class Cart(Record):
    """A list of specimens; `source_*` name the record that keeps it, where it is not a person's own."""

    name = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="carts")
    created_on = models.DateTimeField(default=timezone.now)
    last_updated_on = models.DateTimeField(default=timezone.now)
    send_digest_notifs = models.BooleanField(default=False)
    source_entity_type = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    source_entity_id = models.BigIntegerField(null=True, blank=True)
    shared_with = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="shared_carts")
    shared_with_groups = models.ManyToManyField(UserGroup, blank=True, related_name="shared_carts")
    starred_by = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="starred_carts")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="cart_name",
                violation_error_code="SPECIMEN_LIST_DUP_NAME",
                violation_error_message="A cart with the same name exists already",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CartItem(models.Model):
    """A specimen in a cart; carts are listed in the order in which specimens were added."""

    cart = models.ForeignKey(Cart, models.CASCADE, related_name="items", db_index=False)
    specimen = models.ForeignKey(Specimen, models.CASCADE, related_name="cart_items")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "specimen"], name="cart_item")]
        indexes = [models.Index(fields=["cart", "id"], name="cart_item_order")]

    def __str__(self) -> str:
        return f"{self.specimen_id} in {self.cart_id}"


@tracked
class PickList(models.Model):
    """One round of fetching the specimens of a cart; forgotten when nobody has used it for long."""

    cart = models.ForeignKey(Cart, models.CASCADE, related_name="pick_lists")
    name = models.CharField(max_length=255)
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    creation_time = models.DateTimeField(default=timezone.now)
    last_used = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.name


class PickedSpecimen(models.Model):
    """A specimen that was fetched."""

    pick_list = models.ForeignKey(PickList, models.CASCADE, related_name="picked", db_index=False)
    specimen = models.ForeignKey(Specimen, models.CASCADE, related_name="+")
    picked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    pickup_time = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pick_list", "specimen"], name="picked_specimen")]

    def __str__(self) -> str:
        return f"{self.specimen_id} of pick list {self.pick_list_id}"


@tracked
class CartFolder(Record):
    """Carts kept together, for its owner and for groups; a cart may be in several folders."""

    name = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="cart_folders")
    creation_time = models.DateTimeField(default=timezone.now)
    user_groups = models.ManyToManyField(UserGroup, blank=True, related_name="cart_folders")
    carts = models.ManyToManyField(Cart, blank=True, related_name="folders")

    class Meta:
        indexes = [models.Index(Lower("name"), name="cart_folder_listing")]

    def __str__(self) -> str:
        return self.name
