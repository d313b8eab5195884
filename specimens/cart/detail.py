"""The wire shapes of carts, pick lists and folders (spec 03 §4.3, §4.4)."""

from typing import ClassVar

from pydantic import Field

from biobank.wire.detail import Flag, Instant, Payload, SparseDetail, Text, Whole, WholeList
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary
from specimens.specimen.detail import SpecimenInfo


class CartGroup(SparseDetail):
    """A group of users as carts and folders name it; on input id or name is enough."""

    name: Text = None
    description: Text = None


class CartSummary(SparseDetail):
    name: Text = None
    description: Text = None
    created_on: Instant = None
    last_updated_on: Instant = None
    owner: UserSummary | None = None
    default_list: Flag = None
    specimen_count: Whole = 0
    starred: Flag = None
    send_digest_notifs: Flag = None
    source_entity_type: Text = None
    source_entity_id: Whole = None


class CartDetail(CartSummary):
    """A cart in full; `specimen_ids` only come in, and are added to what is there."""

    shared_with: list[UserSummary] | None = None
    shared_with_groups: list[CartGroup] | None = None
    specimen_ids: WholeList = Field(default=None, exclude=True)


class CartPatch(CartDetail):
    """A cart of which only the keys that were sent count."""


class CartQuery(Paged):
    """Parameters of the list of carts."""

    name: Text = None
    folder_id: Whole = None
    include_stats: Flag = False
    order_by_starred: Flag = False


class CartSpecimensQuery(Paged):
    """Which specimens of a cart are asked for."""

    PAGE: ClassVar[int] = 50

    label: Text = None
    cp_id: Whole = None
    ppid: Text = None
    lineage: Text = None
    type: Text = None
    anatomic_site: Text = None
    container: Text = None
    available: Flag = False
    no_qty: Flag = False
    max_results: Whole = PAGE
    include_list_count: Flag = False


class CartOperation(Payload):
    """What to do with the ids in the body."""

    operation: Text = None


class CartStarred(Payload):
    status: bool = True


# --- Pick lists -----------------------------------------------------------------------------------------


class PickListDetail(SparseDetail):
    name: Text = None
    cart: CartSummary | None = None
    creator: UserSummary | None = None
    creation_time: Instant = None
    total_specimens: Whole = None
    picked_specimens: Whole = None


class PickListQuery(Paged):
    """Which specimens of a pick list are asked for; `cp` is a protocol's short title."""

    picked: Flag = False
    cp: Text = None
    type: Text = None
    container: Text = None


class PickedDetail(Payload):
    """A specimen of a pick list; without `picked_by` it is still to be fetched."""

    specimen: SpecimenInfo | None = None
    picked_by: UserSummary | None = None
    pickup_time: Instant = None


class SpecimenRef(Payload):
    """A specimen by id, else label, else barcode."""

    id: Whole = None
    label: Text = None
    barcode: Text = None


class Picking(Payload):
    op: Text = None
    specimens: list[SpecimenRef] | None = None


# --- Folders --------------------------------------------------------------------------------------------


class CartFolderDetail(SparseDetail):
    """A folder; `cart_ids` only come in."""

    name: Text = None
    description: Text = None
    owner: UserSummary | None = None
    creation_time: Instant = None
    carts_count: Whole = None
    activity_status: Text = None
    user_groups: list[CartGroup] | None = None
    cart_ids: WholeList = Field(default=None, exclude=True)


class CartFolderQuery(Paged):
    name: Text = None
    include_stats: Flag = False
