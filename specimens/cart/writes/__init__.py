"""Writing carts, what is in them, with whom they are shared, pick lists and folders (spec 03 §4.3, §4.4)."""

from specimens.cart.writes.carts import CARTS, delete_carts
from specimens.cart.writes.contents import add, add_children, remove
from specimens.cart.writes.folders import FOLDERS, change_carts, delete_folder
from specimens.cart.writes.pick_lists import (
    create_pick_list,
    delete_pick_list,
    forget_idle,
    pick,
    rename_pick_list,
)
from specimens.cart.writes.sharing import share, star

__all__ = [
    "CARTS", "FOLDERS", "add", "add_children", "change_carts", "create_pick_list", "delete_carts", "delete_folder",
    "delete_pick_list", "forget_idle", "pick", "remove", "rename_pick_list", "share", "star",
]  # fmt: skip
