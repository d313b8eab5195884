"""Carts and folders in the admin; changes go through the same doors as in the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from biobank.access import Actor
from biobank.admin import DoorAdmin, actor_in
from sessions_auth.detail import UserSummary
from specimens.cart.detail import CartDetail, CartFolderDetail, CartGroup
from specimens.cart.models import Cart, CartFolder, CartItem, PickList
from specimens.cart.reads.scopes import carts_for, folders_for
from specimens.cart.rules import is_reserved
from specimens.cart.writes import CARTS, FOLDERS
from specimens.cart.writes.carts import CartRemoval
from specimens.cart.writes.folders import FolderRemoval
from specimens.participant.admin import Shown, choice
from specimens.specimen.reads import specimens_for

_STATUSES = ("Active", "Disabled")


class KeptBySharing(DoorAdmin):
    """Pages of what belongs to people rather than to protocols: whoever reads specimens may keep carts."""

    resource = "Specimen"

    def _may(self, request: HttpRequest, operation: str) -> bool:
        return super()._may(request, "Read")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "activity_status":
            return choice(_STATUSES, blank=False, initial="Active")
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class PickListsShown(Shown):
    """The rounds in which a cart's specimens are fetched, on its page."""

    model = PickList
    fields = ["name", "creator", "creation_time", "last_used"]
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PickList]:
        return PickList.objects.select_related("creator").order_by("-pk")


class SpecimensHeld(Shown):
    """What a cart holds of the specimens that the caller may read, on its page."""

    model = CartItem
    fields = ["specimen"]
    show_change_link = False
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[CartItem]:
        held = CartItem.objects.filter(specimen__in=specimens_for(actor_in(request)))
        return held.select_related("specimen").order_by("pk")


@admin.register(Cart)
class CartAdmin(KeptBySharing):
    door = CARTS
    detail = CartDetail
    list_display = ["title", "owner", "created_on", "last_updated_on", "activity_status"]
    list_filter = ["activity_status"]
    list_select_related = ["owner"]
    search_fields = ["name"]
    ordering = ["-last_updated_on"]
    autocomplete_fields = ["shared_with"]
    filter_horizontal = ["shared_with_groups"]
    readonly_fields = ["owner"]
    fields = [
        "name", "description", "owner", "shared_with", "shared_with_groups", "send_digest_notifs", "activity_status",
    ]  # fmt: skip
    inlines = [SpecimensHeld, PickListsShown]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=carts_for(actor).values("pk"))

    def detail_of(self, form: Any) -> CartDetail:
        data = dict(form.cleaned_data)
        if data.pop("activity_status") == "Disabled":
            return CartRemoval()
        people, groups = data.pop("shared_with"), data.pop("shared_with_groups")
        return CartDetail(
            **data,
            shared_with=[UserSummary(id=one.pk) for one in people],
            shared_with_groups=[CartGroup(id=one.pk) for one in groups],
        )

    @admin.display(ordering="name", description="Name")
    def title(self, row: Cart) -> str:
        return "Default cart" if is_reserved(row.name) else row.name


class CartsHeld(Shown):
    """The carts in a folder that the caller may use, on its page."""

    model = CartFolder.carts.through
    fields = ["cart"]
    show_change_link = False
    verbose_name_plural = "Carts"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        links: QuerySet[Any] = super().get_queryset(request)
        return links.filter(cart__in=carts_for(actor_in(request))).select_related("cart").order_by("pk")


@admin.register(CartFolder)
class CartFolderAdmin(KeptBySharing):
    door = FOLDERS
    detail = CartFolderDetail
    list_display = ["name", "owner", "creation_time", "activity_status"]
    list_filter = ["activity_status"]
    list_select_related = ["owner"]
    search_fields = ["name"]
    filter_horizontal = ["user_groups"]
    readonly_fields = ["owner"]
    fields = ["name", "description", "owner", "user_groups", "activity_status"]
    inlines = [CartsHeld]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=folders_for(actor).values("pk"))

    def detail_of(self, form: Any) -> CartFolderDetail:
        data = dict(form.cleaned_data)
        if data.pop("activity_status") == "Disabled":
            return FolderRemoval()
        groups = data.pop("user_groups")
        return CartFolderDetail(**data, user_groups=[CartGroup(id=one.pk) for one in groups])
