"""`/specimen-lists` (spec 03 §4.3); id 0 is the caller's default cart."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from sessions_auth.detail import UserSummary
from specimens.cart import rules, writes
from specimens.cart.detail import (
    CartDetail,
    CartOperation,
    CartPatch,
    CartQuery,
    CartSpecimensQuery,
    CartStarred,
    CartSummary,
)
from specimens.cart.models import Cart
from specimens.cart.reads import carts, contents, scopes
from specimens.cart.views import IDS, ids_of
from specimens.specimen.detail import SpecimenInfo
from specimens.specimen.reads.rows import Json


class CartView(ApiView):
    """A path about one cart."""

    def cart(self, pk: int) -> Cart:
        return scopes.cart(self.actor, pk)

    def told(self, pk: int) -> CartDetail:
        return carts.details([pk], self.actor)[0]


class CartList(CartView):
    @operation("Carts of the caller, and shared with them", query=CartQuery, answer=list[CartSummary])
    def get(self, request: Request, query: CartQuery) -> list[CartSummary]:
        rows = query.page(carts.listed(query, self.actor))
        return carts.summaries_of(rows, stats=bool(query.include_stats))

    @operation("Create a cart", body=CartDetail, answer=CartDetail)
    def post(self, request: Request, body: CartDetail) -> CartDetail:
        return self.told(writes.CARTS.write_one(body, self.actor))


class CartCount(ApiView):
    @operation("How many carts match", query=CartQuery, answer=Count)
    def get(self, request: Request, query: CartQuery) -> Count:
        return Count(count=carts.listed(query, self.actor).count())


class CartOne(CartView):
    @operation("A cart", answer=CartDetail)
    def get(self, request: Request, pk: int) -> CartDetail:
        return self.told(self.cart(pk).pk)

    @operation("Replace a cart; specimens are added", body=CartDetail, answer=CartDetail)
    def put(self, request: Request, pk: int, body: CartDetail) -> CartDetail:
        return self.told(writes.CARTS.write_one(body, self.actor, self.cart(pk).pk))

    @operation("Change the keys that are sent", body=CartPatch, answer=CartDetail)
    def patch(self, request: Request, pk: int, body: CartPatch) -> CartDetail:
        return self.told(writes.CARTS.write_one(body, self.actor, self.cart(pk).pk))

    @operation("Delete a cart", answer=CartDetail)
    def delete(self, request: Request, pk: int) -> CartDetail:
        return self.told(writes.delete_carts([self.cart(pk).pk], self.actor)[0])


class CartSpecimens(CartView):
    @operation("Specimens of a cart", query=CartSpecimensQuery, answer=list[SpecimenInfo])
    def get(self, request: Request, pk: int, query: CartSpecimensQuery) -> list[Json]:
        return contents.specimens(self.cart(pk), query, self.actor)

    @operation("Add specimens to a cart, or remove them", query=CartOperation, body=IDS, answer=Count)
    def put(self, request: Request, pk: int, query: CartOperation, body: object) -> Count:
        change = rules.operation(query.operation, rules.ADD, rules.REMOVE)
        ids, cart = ids_of(body), self.cart(pk)
        write = writes.add if change == rules.ADD else writes.remove
        return Count(count=write(cart, ids, self.actor))


class CartSpecimenCount(CartView):
    @operation("How many specimens of a cart match", query=CartSpecimensQuery, answer=Count)
    def get(self, request: Request, pk: int, query: CartSpecimensQuery) -> Count:
        return Count(count=contents.items(self.cart(pk), query, self.actor).count())


class CartFamilies(CartView):
    @operation("Specimens of a cart, each after what it was made of", answer=list[SpecimenInfo])
    def get(self, request: Request, pk: int) -> list[Json]:
        return contents.sorted_by_relationship(self.cart(pk), self.actor)


class CartChildren(CartView):
    @operation("Add all that was made of the specimens in a cart", answer=dict[str, str])
    def post(self, request: Request, pk: int) -> dict[str, str]:
        writes.add_children(self.cart(pk), self.actor)
        return {"status": "true"}


class CartUsers(CartView):
    @operation(
        "Share a cart with users, or no longer", query=CartOperation, body=IDS, answer=list[UserSummary]
    )
    def put(self, request: Request, pk: int, query: CartOperation, body: object) -> list[UserSummary]:
        change = rules.operation(query.operation, rules.UPDATE, rules.ADD, rules.REMOVE)
        ids, cart = ids_of(body), self.cart(pk)
        writes.share(cart, ids, change, self.actor)
        return carts.sharing([cart.pk]).get(cart.pk, [])


class CartStar(CartView):
    @operation("Mark a cart with a star", answer=CartStarred, effect=Effect.ACTION)
    def post(self, request: Request, pk: int) -> CartStarred:
        writes.star(self.cart(pk), self.actor, on=True)
        return CartStarred()

    @operation("Take the star off a cart", answer=CartStarred)
    def delete(self, request: Request, pk: int) -> CartStarred:
        writes.star(self.cart(pk), self.actor, on=False)
        return CartStarred()
