"""CSV of institutes and sites: imports and exports (spec 04 §5.2, §5.3)."""

from collections.abc import Iterable, Iterator, Sequence

from biobank.access import Actor
from biobank.batch.batches import in_batches, wanted_rows
from biobank.batch.door import Refusal
from biobank.batch.matching import by_id_or_key
from biobank.batch.patching import patching
from biobank.batch.schema import ALL, Cell, Column, Export, ImportSchema, Matching, Sub, Wanted, register
from biobank.wire.errors import Problem
from sites import reads, rules
from sites.detail import InstituteDetail, SiteDetail
from sites.models import Institute, Site
from sites.writes import INSTITUTES, SITES

_STATUS_HINT = (
    "Active, Closed or Disabled; Disabled deletes, which works only while nothing refers to the record"
)

# --- Institutes -------------------------------------------------------------------------------------


def _institutes(details: Sequence[InstituteDetail], actor: Actor) -> list[int | Refusal | None]:
    """Everybody sees all institutes."""
    return by_id_or_key(
        details,
        known=lambda ids: reads.institutes().filter(pk__in=ids).values_list("pk", flat=True),
        key=_name,
        find=lambda names: {name: row.pk for name, row in reads.institutes_by_name(names).items()},
    )


def _name(detail: InstituteDetail | SiteDetail) -> str | None:
    return detail.name.lower() if detail.name else None


def _names(detail: InstituteDetail | SiteDetail) -> Iterable[str]:
    name = _name(detail)
    return [] if name is None else [name]


def _no_institute(detail: InstituteDetail) -> Problem:
    if detail.id is None and not detail.name:
        return rules.INSTITUTE_NAME_REQUIRED()
    return rules.INSTITUTE_NOT_FOUND.missing(key=detail.id or detail.name)


def _export_institutes(wanted: Wanted, actor: Actor) -> Iterator[Sequence[InstituteDetail]]:
    """By id; closed ones too."""
    keys = wanted_rows(reads.institutes(), wanted).order_by("pk").values_list("pk", flat=True)
    return in_batches(keys, _institute_details)


def _institute_details(pks: Sequence[int]) -> list[InstituteDetail]:
    known = reads.institutes_known(pks)
    return [known[pk] for pk in pks if pk in known]


_INSTITUTE_COLUMNS = (
    Column("Identifier", "id", Cell.WHOLE, codes=(rules.INSTITUTE_NOT_FOUND.code,)),
    Column(
        "Name", "name",
        codes=(rules.INSTITUTE_NAME_REQUIRED.code, rules.INSTITUTE_DUP_NAME.code),
        hint="Unique, whatever its case; finds the institute when Identifier is blank",
    ),
    Column(
        "Activity Status", "activityStatus",
        codes=("ACTIVITY_STATUS_INVALID", rules.INSTITUTE_IN_USE.code), hint=_STATUS_HINT,
    ),
)  # fmt: skip

INSTITUTE = register(
    ImportSchema(
        name="institute",
        label="Institutes",
        detail=InstituteDetail,
        door=INSTITUTES,
        columns=_INSTITUTE_COLUMNS,
        operations=ALL,
        matching=Matching(find=_institutes, missing=_no_institute, keys=_names),
        update_door=patching(
            INSTITUTES,
            Institute,
            _INSTITUTE_COLUMNS,
            stored=reads.institutes_known,
            may=lambda pks, actor: set(pks) if actor.is_super else set(),
        ),
        export=Export(_export_institutes),
        about="Super administrators only. An update finds the institute by Identifier, else by Name.",
    )
)

# --- Sites ------------------------------------------------------------------------------------------


def _sites(details: Sequence[SiteDetail], actor: Actor) -> list[int | Refusal | None]:
    visible = reads.sites_for(actor)
    return by_id_or_key(
        details,
        known=lambda ids: visible.filter(pk__in=ids).values_list("pk", flat=True),
        key=_name,
        find=lambda names: reads.keys_by_name(visible, names),
    )


def _no_site(detail: SiteDetail) -> Problem:
    if detail.id is None and not detail.name:
        return rules.SITE_NAME_REQUIRED()
    return rules.SITE_NOT_FOUND.missing(key=detail.id or detail.name)


def _export_sites(wanted: Wanted, actor: Actor) -> Iterator[Sequence[SiteDetail]]:
    """Those the caller sees, by id; closed ones too."""
    keys = wanted_rows(reads.sites_for(actor), wanted).order_by("pk").values_list("pk", flat=True)
    return in_batches(keys, reads.site_details)


_SITE_COLUMNS = (
    Column("Identifier", "id", Cell.WHOLE, codes=(rules.SITE_NOT_FOUND.code,)),
    Column(
        "Name", "name",
        codes=(rules.SITE_NAME_REQUIRED.code, rules.SITE_DUP_NAME.code),
        hint="Unique, whatever its case; finds the site when Identifier is blank",
    ),
    Column(
        "Institute Name", "instituteName",
        codes=(rules.SITE_INSTITUTE_REQUIRED.code, rules.INSTITUTE_NOT_FOUND.code),
        hint="An institute that exists",
    ),
    Column("Code", "code", codes=(rules.SITE_DUP_CODE.code,), hint="Unique, up to 50 characters"),
    Column(
        "Type", "type",
        codes=(rules.SITE_TYPE_REQUIRED.code, rules.SITE_INVALID_TYPE.code),
        hint="A value of the pick list site_type, such as Collection Site",
    ),
    Column("Address", "address"),
    Column(
        "Activity Status", "activityStatus",
        codes=("ACTIVITY_STATUS_INVALID", rules.SITE_IN_USE.code), hint=_STATUS_HINT,
    ),
    Sub(
        "coordinators",
        (
            Column(
                "Email Address", "emailAddress",
                codes=(rules.COORDINATOR_NOT_FOUND.code, rules.SITE_INVALID_COORDINATOR.code),
                hint="A user of the site's institute; the addresses of a row replace the stored ones",
            ),
        ),
        caption="Coordinators",
        multiple=True,
    ),
)  # fmt: skip

SITE = register(
    ImportSchema(
        name="site",
        label="Sites",
        detail=SiteDetail,
        door=SITES,
        columns=_SITE_COLUMNS,
        operations=ALL,
        matching=Matching(find=_sites, missing=_no_site, keys=_names),
        update_door=patching(SITES, Site, _SITE_COLUMNS, stored=reads.sites_known, may=reads.administered),
        export=Export(_export_sites),
        about=(
            "For super administrators, and for the administrators of the site's institute. An update finds the site "
            "by Identifier, else by Name."
        ),
    )
)
