"""`/specimen-list-folders` (spec 03 §4.4)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from specimens.cart import rules, writes
from specimens.cart.detail import CartFolderDetail, CartFolderQuery, CartOperation
from specimens.cart.models import CartFolder
from specimens.cart.reads import folders, scopes
from specimens.cart.views import IDS, ids_of


def _told(pk: int) -> CartFolderDetail:
    return folders.details(list(CartFolder.objects.filter(pk=pk)))[0]


class FolderList(ApiView):
    @operation("Folders of carts", query=CartFolderQuery, answer=list[CartFolderDetail])
    def get(self, request: Request, query: CartFolderQuery) -> list[CartFolderDetail]:
        rows = query.page(folders.listed(query, self.actor))
        return folders.details(rows, stats=bool(query.include_stats))

    @operation("Create a folder", body=CartFolderDetail, answer=CartFolderDetail)
    def post(self, request: Request, body: CartFolderDetail) -> CartFolderDetail:
        return _told(writes.FOLDERS.write_one(body, self.actor))


class FolderCount(ApiView):
    @operation("How many folders match", query=CartFolderQuery, answer=Count)
    def get(self, request: Request, query: CartFolderQuery) -> Count:
        return Count(count=folders.listed(query, self.actor).count())


class FolderOne(ApiView):
    @operation("A folder", answer=CartFolderDetail)
    def get(self, request: Request, pk: int) -> CartFolderDetail:
        return _told(scopes.folder(self.actor, pk).pk)

    @operation("Replace a folder; carts are added", body=CartFolderDetail, answer=CartFolderDetail)
    def put(self, request: Request, pk: int, body: CartFolderDetail) -> CartFolderDetail:
        return _told(writes.FOLDERS.write_one(body, self.actor, pk))

    @operation("Delete a folder; its carts stay", answer=CartFolderDetail)
    def delete(self, request: Request, pk: int) -> CartFolderDetail:
        return _told(writes.delete_folder(pk, self.actor))


class FolderCarts(ApiView):
    @operation("Put carts into a folder, or take them out", query=CartOperation, body=IDS, answer=Count)
    def put(self, request: Request, pk: int, query: CartOperation, body: object) -> Count:
        change = rules.operation(query.operation, rules.ADD, rules.REMOVE)
        ids, row = ids_of(body), scopes.folder(self.actor, pk)
        return Count(count=writes.change_carts(row, ids, change, self.actor))
