"""Routes of pick lists; the more specific path stands first."""

from biobank.wire.routing import route
from terminology import views

rest = [
    route("/permissible-values", views.PvList),
    route("/permissible-values/count", views.PvCount),
    route("/permissible-values/v", views.PvAlias),
    route("/permissible-values/v/<path:key>", views.PvOne),
]
