"""Pick lists as they go over the wire (spec 03 §4.4)."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet

from biobank.access import Actor
from biobank.wire.errors import Refused
from biobank.wire.paging import Paged
from sessions_auth.reads import summaries
from specimens.cart import rules
from specimens.cart.detail import PickListDetail, PickListQuery, SpecimenRef
from specimens.cart.models import Cart, CartItem, PickedSpecimen, PickList
from specimens.cart.reads.carts import specimen_counts, starred, summaries_of
from specimens.protocol.below import counted
from specimens.specimen.detail import SpecimenSearch
from specimens.specimen.models import Specimen
from specimens.specimen.reads import matching, shown, specimens_for
from specimens.specimen.reads.rows import Json


def pick_list(row: Cart, pk: int) -> PickList:
    """The pick list of the cart that a path addresses. Raises SPECIMEN_LIST_PICK_LIST_NOT_FOUND."""
    found = PickList.objects.filter(cart=row, pk=pk).first()
    if found is None:
        raise Refused(rules.PICK_LIST_NOT_FOUND.missing(key=pk))
    return found


def listed(row: Cart, query: Paged, actor: Actor) -> list[PickListDetail]:
    """The pick lists of a cart, newest first."""
    return details(row, query.page(PickList.objects.filter(cart=row).order_by("-pk")), actor)


def details(row: Cart, rows: Sequence[PickList], actor: Actor) -> list[PickListDetail]:
    """Pick lists of one cart; six queries at most."""
    total = specimen_counts([row]).get(row.pk, 0)
    fetched = PickedSpecimen.objects.exclude(specimen__activity_status="Disabled")
    picked = counted(fetched, "pick_list", [one.pk for one in rows])
    people = summaries(one.creator_id for one in rows)
    carts = summaries_of(list(starred(Cart.objects.filter(pk=row.pk), actor)))
    return [
        PickListDetail.model_construct(
            id=one.pk,
            name=one.name,
            cart=carts[0],
            creator=people.get(one.creator_id),
            creation_time=one.creation_time,
            total_specimens=total,
            picked_specimens=picked.get(one.pk, 0),
        )
        for one in rows
    ]


def specimens(row: PickList, query: PickListQuery, actor: Actor) -> list[Json]:
    """The specimens that were fetched (the last one first), or those still to be fetched."""
    criteria = SpecimenSearch(cp_short_title=query.cp, type=query.type, container=query.container)
    wanted = matching(criteria, actor)
    first, last = query.bounds()
    if query.picked:
        done = PickedSpecimen.objects.filter(pick_list=row, specimen__in=wanted).order_by(
            "-pickup_time", "-pk"
        )
        return _told(list(done[first:last]), actor)
    fetched = PickedSpecimen.objects.filter(pick_list=row, specimen=OuterRef("specimen"))
    items = CartItem.objects.filter(~Exists(fetched), cart=row.cart_id, specimen__in=wanted).order_by("pk")
    ids = list(items.values_list("specimen_id", flat=True)[first:last])
    return [{"specimen": one, "pickedBy": None, "pickupTime": None} for one in shown(ids, actor)]


def _told(rows: Sequence[PickedSpecimen], actor: Actor) -> list[Json]:
    people = summaries(row.picked_by_id for row in rows)
    found = {one["id"]: one for one in shown([row.specimen_id for row in rows], actor)}
    return [
        {
            "specimen": found.get(row.specimen_id),
            "pickedBy": people.get(row.picked_by_id),
            "pickupTime": int(row.pickup_time.timestamp() * 1000),
        }
        for row in rows
    ]


def in_cart(row: Cart, refs: Sequence[SpecimenRef], actor: Actor) -> list[int]:
    """The ids of specimens of the cart, named by id, else label, else barcode; without repeats.

    Raises SPECIMEN_LIST_INV_CART_SPECIMENS for what is not in the cart, or not the caller's to read.
    """
    ids = {ref.id for ref in refs if ref.id is not None}
    labels = {ref.label for ref in refs if ref.id is None and ref.label}
    barcodes = {ref.barcode for ref in refs if ref.id is None and not ref.label and ref.barcode}
    known = _members(row, actor).filter(Q(pk__in=ids) | Q(label__in=labels) | Q(barcode__in=barcodes))
    keys: dict[tuple[str, object], int] = {}
    for pk, label, barcode in known.values_list("pk", "label", "barcode"):
        keys |= {("id", pk): pk, ("label", label): pk, ("barcode", barcode): pk}
    wanted = [_key(ref) for ref in refs]
    missing = [value for kind, value in wanted if (kind, value) not in keys]
    if missing:
        raise Refused(rules.NOT_IN_CART(keys=rules.few(missing)))
    return list(dict.fromkeys(keys[key] for key in wanted))


def _members(row: Cart, actor: Actor) -> QuerySet[Specimen]:
    return specimens_for(actor).filter(pk__in=CartItem.objects.filter(cart=row).values("specimen"))


def _key(ref: SpecimenRef) -> tuple[str, object]:
    if ref.id is not None:
        return "id", ref.id
    return ("label", ref.label) if ref.label else ("barcode", ref.barcode or "")
