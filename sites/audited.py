"""What the audit sees of institutes and sites."""

from biobank.audit.registry import Audited, register
from sites.models import Institute, Site
from sites.reads import institutes, sites_for

register(Audited("institute", "Institute", Institute, lambda actor: institutes()))
register(Audited("site", "Site", Site, sites_for))
