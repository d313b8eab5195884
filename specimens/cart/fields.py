"""What the query language sees of carts: the ones that hold a specimen and that the caller may use (spec 05 §2.5)."""
# ruff: noqa: S608 - names come from the models, the user's id is a number

from dataclasses import replace

from biobank.catalogue import Field, Fold, Join, Kind, register
from sessions_auth.models import User, UserGroup
from specimens.cart.models import Cart, CartItem
from specimens.specimen.fields import SPECIMEN

_MEMBERS = UserGroup.users.through._meta.db_table
_PEOPLE = Cart.shared_with.through._meta.db_table
_TEAMS = Cart.shared_with_groups.through._meta.db_table
_HOLDING = f"""LATERAL (
    SELECT i.id, c.name FROM {CartItem._meta.db_table} i JOIN {Cart._meta.db_table} c ON c.id = i.cart_id
    WHERE i.specimen_id = {{self}}.id AND c.activity_status <> 'Disabled' AND (c.owner_id = {{user}}
        OR EXISTS (SELECT FROM {User._meta.db_table} u WHERE u.id = {{user}} AND u.type = 'SUPER')
        OR EXISTS (SELECT FROM {_PEOPLE} p WHERE p.cart_id = c.id AND p.user_id = {{user}})
        OR EXISTS (SELECT FROM {_TEAMS} t JOIN {_MEMBERS} m ON m.usergroup_id = t.usergroup_id
                   JOIN {UserGroup._meta.db_table} g ON g.id = t.usergroup_id AND g.activity_status <> 'Disabled'
                   WHERE t.cart_id = c.id AND m.user_id = {{user}})))"""

register(
    replace(
        SPECIMEN,
        joins=(*SPECIMEN.joins, Join("cart", _HOLDING, fold=Fold.RECORDS)),
        fields=(
            *SPECIMEN.fields,
            Field("specimenCarts.name", "Cart# Name", Kind.TEXT, "{cart}.name"),
            Field("specimenCarts.itemId", "Cart# Item ID", Kind.WHOLE, "{cart}.id"),
        ),
    )
)
