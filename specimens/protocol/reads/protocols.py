"""Lists, single protocols and their details (spec 02 §A2-§A4)."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.tallies import totals
from biobank.wire.errors import ACCESS_DENIED, Refused
from sessions_auth.detail import UserSummary
from sessions_auth.reads import summaries
from sites.detail import Dependents
from specimens.protocol import below
from specimens.protocol.detail.protocols import (
    ByOperationQuery,
    PrintSetting,
    ProtocolDetail,
    ProtocolFilter,
    ProtocolQuery,
    ProtocolSummary,
    SiteLink,
    Workflow,
    Workflows,
)
from specimens.protocol.labels.applying import aliquot_format_text, barcode_format_text
from specimens.protocol.models import CollectionProtocol, ProtocolSite, SystemWorkflow
from specimens.protocol.reads.lookups import allowed_among, known_protocols, sites_of
from specimens.protocol.reads.scopes import PROTOCOL, READ, protocols_for
from specimens.protocol.rules import codes
from specimens.protocol.rules.documents import shown_name

_LINEAGES = ("New", "Derived", "Aliquot")
_COMPUTED = {
    "id",
    "principal_investigator",
    "coordinators",
    "consents_source",
    "spmn_label_print_settings",
    "sop_document_name",
}
# Attributes that a protocol and its detail share
SHARED = tuple(
    field.name
    for field in CollectionProtocol._meta.concrete_fields
    if field.name in ProtocolDetail.model_fields and field.name not in _COMPUTED
)
_IN_SUMMARY = (
    "short_title", "title", "code", "start_date", "ppid_fmt", "manual_ppid_enabled", "specimen_centric", "draft_mode",
)  # fmt: skip


def protocol(pk: int, actor: Actor, operation: str = READ) -> CollectionProtocol:
    """The protocol a request addresses. Raises CP_NOT_FOUND, then RBAC_ACCESS_DENIED (existence first)."""
    found = known_protocols().filter(pk=pk).first()
    if found is None:
        raise Refused(codes.CP_NOT_FOUND.missing(key=pk))
    if not allowed_among(actor, [pk], PROTOCOL, operation):
        raise Refused(ACCESS_DENIED())
    return found


# --- Lists ------------------------------------------------------------------------------------------


def filtered(query: ProtocolFilter, actor: Actor) -> QuerySet[CollectionProtocol]:
    """The protocols that the caller may read and the filters let through."""
    rows = protocols_for(actor, PROTOCOL, READ)
    if query.query:
        text = query.query
        rows = rows.filter(
            Q(title__icontains=text) | Q(short_title__icontains=text) | Q(irb_id__icontains=text)
        )
    else:
        if query.title:
            rows = rows.filter(Q(title__icontains=query.title) | Q(short_title__icontains=query.title))
        if query.irb_id:
            rows = rows.filter(irb_id__icontains=query.irb_id)
    if query.pi_id is not None:
        rows = rows.filter(principal_investigator=query.pi_id)
    if query.repository_name:
        rows = rows.filter(_at(site__name__iexact=query.repository_name))
    elif query.institute_id is not None:
        rows = rows.filter(_at(site__institute_id=query.institute_id))
    if query.only_participant_consent_cps:
        rows = rows.exclude(consents_waived=True).exclude(visit_level_consents=True)
    return rows


def _at(**conditions: Any) -> Exists:
    return Exists(ProtocolSite.objects.filter(protocol=OuterRef("pk"), **conditions))


def listed(query: ProtocolQuery, actor: Actor) -> QuerySet[CollectionProtocol]:
    """The rows of the list, in its order, with `is_starred`."""
    starred = CollectionProtocol.starred_by.through._default_manager.filter(
        collectionprotocol_id=OuterRef("pk"), user_id=actor.user_id
    )
    rows = filtered(query, actor).annotate(is_starred=Exists(starred))
    order = ("-is_starred",) if query.order_by_starred else ()
    return rows.order_by(*order, Lower("short_title"), "pk")


def protocol_summaries(
    rows: Sequence[CollectionProtocol], *, detailed: bool = False
) -> list[ProtocolSummary]:
    """Summaries in the order given; three more queries when detailed."""
    people: dict[int, UserSummary] = {}
    participants: dict[int, int] = {}
    specimens: dict[int, int] = {}
    if detailed:
        ids = [row.pk for row in rows]
        people = summaries(row.principal_investigator_id for row in rows)
        participants = totals("registration", ids)
        specimens = totals("specimen", ids)
    found = []
    for row in rows:
        shown: dict[str, Any] = {name: getattr(row, name) for name in _IN_SUMMARY}
        if detailed:
            shown["principal_investigator"] = _brief(people.get(row.principal_investigator_id))
            shown["specimen_count"] = specimens.get(row.pk, 0)
            if not row.specimen_centric:
                shown["participant_count"] = participants.get(row.pk, 0)
        shown["starred"] = getattr(row, "is_starred", None)
        found.append(ProtocolSummary.model_construct(id=row.pk, **shown))
    return found


def _brief(user: UserSummary | None) -> UserSummary | None:
    """The four keys that lists show of an investigator."""
    if user is None:
        return None
    return UserSummary(
        id=user.id, first_name=user.first_name, last_name=user.last_name, login_name=user.login_name
    )


def by_operation(query: ByOperationQuery, actor: Actor) -> QuerySet[CollectionProtocol]:
    """Protocols in which the caller may create participants; any other question finds nothing."""
    if query.resource != "ParticipantPhi" or query.op != "Create":
        return CollectionProtocol.objects.none()
    rows = protocols_for(actor, "ParticipantPhi", "Create")
    if query.site_name:
        rows = rows.filter(_at(site__name__in=query.site_name))
    if query.title:
        rows = rows.filter(Q(title__icontains=query.title) | Q(short_title__icontains=query.title))
    size = query.max_results if query.max_results and query.max_results > 0 else 100
    return rows.order_by(Lower("short_title"), "pk")[:size]


# --- Details ----------------------------------------------------------------------------------------


def protocol_details(pks: Sequence[int]) -> list[ProtocolDetail]:
    """Details in the order of `pks`, four queries; deleted ones too (a delete answers the renamed record)."""
    rows = CollectionProtocol.objects.select_related("consents_source").in_bulk(list(pks))
    links = sites_of(rows)
    coordinators = _coordinators(rows)
    people = summaries(
        [row.principal_investigator_id for row in rows.values()]
        + [user_id for ids in coordinators.values() for user_id in ids]
    )
    return [_detail(rows[pk], links[pk], coordinators[pk], people) for pk in pks]


def protocols_known(pks: Sequence[int]) -> dict[int, ProtocolDetail]:
    """Protocols that were not deleted, in full, by key."""
    there = [pk for pk in known_protocols().filter(pk__in=pks).values_list("pk", flat=True)]
    return dict(zip(there, protocol_details(there), strict=True))


def _coordinators(ids: Iterable[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {pk: [] for pk in ids}
    through = CollectionProtocol.coordinators.through._default_manager
    rows = through.filter(collectionprotocol_id__in=found).order_by("user_id")
    for protocol_id, user_id in rows.values_list("collectionprotocol_id", "user_id"):
        found[protocol_id].append(user_id)
    return found


def _detail(
    row: CollectionProtocol,
    links: list[ProtocolSite],
    coordinators: list[int],
    people: dict[int, UserSummary],
) -> ProtocolDetail:
    shown: dict[str, Any] = {name: getattr(row, name) for name in SHARED}
    source = row.consents_source
    return ProtocolDetail.model_construct(
        id=row.pk,
        principal_investigator=people[row.principal_investigator_id],
        coordinators=[people[user_id] for user_id in coordinators],
        cp_sites=[site_link(link) for link in links],
        consents_source=protocol_summaries([source])[0] if source else None,
        spmn_label_print_settings=_print_settings(row),
        sop_document_name=shown_name(row.pk, row.sop_document_name),
        distribution_protocols=[],
        aliquot_label_fmt_to_use=aliquot_format_text(row),
        specimen_barcode_fmt_to_use=barcode_format_text(row),
        **shown,
    )


def site_link(link: ProtocolSite) -> SiteLink:
    return SiteLink.model_construct(
        id=link.pk, site_id=link.site_id, site_name=link.site.name, code=link.code
    )


def _print_settings(row: CollectionProtocol) -> list[PrintSetting]:
    """In the order New, Derived, Aliquot; `id` is the place in it."""
    stored = {item["lineage"]: item for item in row.spmn_label_print_settings}
    chosen = [stored[lineage] for lineage in _LINEAGES if lineage in stored]
    return [PrintSetting.model_validate({"id": n, **item}) for n, item in enumerate(chosen, 1)]


def protocol_dependents(pk: int) -> list[Dependents]:
    """What keeps a protocol from being deleted."""
    count = below.registrations().filter(protocol=pk).count()
    return [Dependents(name="collection_protocol_registration", count=count)] if count else []


def any_barcoding() -> bool:
    return known_protocols().filter(barcoding_enabled=True).exists()


# --- Workflows --------------------------------------------------------------------------------------


def system_workflows() -> dict[str, Any]:
    """The workflows of the system by name; one query."""
    return {row.name: row.content for row in SystemWorkflow.objects.order_by("pk")}


def workflow_data(row: CollectionProtocol | None, name: str) -> dict[str, Any] | None:
    """What drives a part of the server: the protocol's entry of the name, else the system's (spec 02 §A8)."""
    own = row.workflows.get(name) if row is not None else None
    content = own or SystemWorkflow.objects.filter(name=name).values_list("content", flat=True).first()
    return content.get("data") if content else None


def workflows(row: CollectionProtocol | None, stored: dict[str, Any]) -> Workflows:
    """The configuration of a protocol, or of the system (`row` None), as a map by name."""
    shown = {name: Workflow.model_construct(**item) for name, item in stored.items()}
    return Workflows(
        cp_id=row.pk if row else None, short_title=row.short_title if row else None, workflows=shown
    )
