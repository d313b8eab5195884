"""What the audit sees of carts, pick lists and folders."""

from biobank.audit.registry import Audited, register
from specimens.cart.models import Cart, CartFolder, PickList
from specimens.cart.reads.scopes import carts_for, folders_for

register(Audited("specimen_list", "Cart", Cart, carts_for))
register(
    Audited(
        "pick_list", "Pick list", PickList, lambda actor: PickList.objects.filter(cart__in=carts_for(actor))
    )
)
register(Audited("specimen_lists_folder", "Folder of carts", CartFolder, folders_for))
