"""`/specimen-lists/{id}/pick-lists` (spec 03 §4.4)."""

from rest_framework.request import Request

from biobank.wire.http import operation
from biobank.wire.paging import Paged
from specimens.cart import rules, writes
from specimens.cart.detail import PickedDetail, Picking, PickListDetail, PickListQuery
from specimens.cart.models import Cart
from specimens.cart.reads import pick_lists
from specimens.cart.views.carts import CartView
from specimens.specimen.reads.rows import Json

_PICKED = {
    "type": "object",
    "properties": {key: {"type": "array", "items": {"type": "integer"}} for key in ("picked", "unpicked")},
}


class PickListView(CartView):
    def shown(self, cart: Cart, pk: int) -> PickListDetail:
        return pick_lists.details(cart, [pick_lists.pick_list(cart, pk)], self.actor)[0]


class PickLists(PickListView):
    @operation("Pick lists of a cart, newest first", query=Paged, answer=list[PickListDetail])
    def get(self, request: Request, pk: int, query: Paged) -> list[PickListDetail]:
        return pick_lists.listed(self.cart(pk), query, self.actor)

    @operation("Create a pick list", body=PickListDetail, answer=PickListDetail)
    def post(self, request: Request, pk: int, body: PickListDetail) -> PickListDetail:
        cart = self.cart(pk)
        return self.shown(cart, writes.create_pick_list(cart, body.name, self.actor).pk)


class PickListOne(PickListView):
    @operation("A pick list", answer=PickListDetail)
    def get(self, request: Request, pk: int, pick_list: int) -> PickListDetail:
        return self.shown(self.cart(pk), pick_list)

    @operation("Rename a pick list", body=PickListDetail, answer=PickListDetail)
    def put(self, request: Request, pk: int, pick_list: int, body: PickListDetail) -> PickListDetail:
        cart = self.cart(pk)
        writes.rename_pick_list(pick_lists.pick_list(cart, pick_list), body.name, self.actor)
        return self.shown(cart, pick_list)

    @operation("Delete a pick list", answer=PickListDetail)
    def delete(self, request: Request, pk: int, pick_list: int) -> PickListDetail:
        cart = self.cart(pk)
        found = self.shown(cart, pick_list)
        writes.delete_pick_list(pick_lists.pick_list(cart, pick_list), self.actor)
        return found


class PickListSpecimens(PickListView):
    @operation("Specimens to be fetched, or fetched", query=PickListQuery, answer=list[PickedDetail])
    def get(self, request: Request, pk: int, pick_list: int, query: PickListQuery) -> list[Json]:
        return pick_lists.specimens(pick_lists.pick_list(self.cart(pk), pick_list), query, self.actor)

    @operation("Mark specimens as fetched, or not", body=Picking, answer=_PICKED)
    def put(self, request: Request, pk: int, pick_list: int, body: Picking) -> dict[str, list[int]]:
        cart = self.cart(pk)
        row = pick_lists.pick_list(cart, pick_list)
        change = rules.operation(body.op, rules.PICK, rules.UNPICK)
        ids = pick_lists.in_cart(cart, body.specimens or [], self.actor)
        writes.pick(row, ids, self.actor, fetched=change == rules.PICK)
        return {"picked" if change == rules.PICK else "unpicked": ids}
