"""Routes of carts, pick lists and folders; fixed paths stand before `<pk>`."""

from biobank.wire.routing import route
from specimens.cart.views import carts, folders, pick_lists

rest = [
    route("/specimen-lists", carts.CartList),
    route("/specimen-lists/count", carts.CartCount),
    route("/specimen-lists/<pk>", carts.CartOne),
    route("/specimen-lists/<pk>/specimens", carts.CartSpecimens),
    route("/specimen-lists/<pk>/specimens-count", carts.CartSpecimenCount),
    route("/specimen-lists/<pk>/specimens-sorted-by-rel", carts.CartFamilies),
    route("/specimen-lists/<pk>/add-child-specimens", carts.CartChildren),
    route("/specimen-lists/<pk>/users", carts.CartUsers),
    route("/specimen-lists/<pk>/labels", carts.CartStar),
    route("/specimen-lists/<pk>/pick-lists", pick_lists.PickLists),
    route("/specimen-lists/<pk>/pick-lists/<pick_list>", pick_lists.PickListOne),
    route("/specimen-lists/<pk>/pick-lists/<pick_list>/specimens", pick_lists.PickListSpecimens),
    route("/specimen-list-folders", folders.FolderList),
    route("/specimen-list-folders/count", folders.FolderCount),
    route("/specimen-list-folders/<pk>", folders.FolderOne),
    route("/specimen-list-folders/<pk>/carts", folders.FolderCarts),
]
