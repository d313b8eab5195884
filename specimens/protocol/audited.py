"""What the audit sees of protocols and what is planned in them."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from biobank.access import Actor
from biobank.audit.registry import Audited, Part, register
from specimens.protocol.models import (
    CollectionProtocol,
    ConsentStatement,
    ConsentTier,
    Event,
    ProtocolGroup,
    ProtocolSite,
    PublishedVersion,
    Requirement,
    SpecimenTypeUnit,
    SystemWorkflow,
)
from specimens.protocol.reads.scopes import protocols_for


def _through(rows: Callable[[], QuerySet[Any]], path: str) -> Callable[[Actor], QuerySet[Any]]:
    """Rows that are readable with the protocol they belong to."""
    return lambda actor: rows().filter(**{f"{path}__in": protocols_for(actor)})


register(
    Audited(
        "collection_protocol",
        "Collection protocol",
        CollectionProtocol,
        protocols_for,
        parts=(Part("cpSites", ProtocolSite, "protocol"), Part("consentTiers", ConsentTier, "protocol")),
    )
)
register(
    Audited(
        "collection_protocol_event",
        "Event of a collection protocol",
        Event,
        _through(Event.objects.all, "protocol"),
    )
)
register(
    Audited(
        "specimen_requirement",
        "Specimen requirement",
        Requirement,
        _through(Requirement.objects.all, "event__protocol"),
    )
)
register(
    Audited(
        "published_version",
        "Published version",
        PublishedVersion,
        _through(PublishedVersion.objects.all, "protocol"),
        hidden=frozenset({"definition"}),
    )
)
register(
    Audited(
        "collection_protocol_group",
        "Group of collection protocols",
        ProtocolGroup,
        _through(ProtocolGroup.objects.all, "protocols"),
    )
)
register(
    Audited(
        "specimen_type_unit",
        "Units of a specimen type",
        SpecimenTypeUnit,
        lambda actor: (
            SpecimenTypeUnit.objects.filter(protocol=None)
            | SpecimenTypeUnit.objects.filter(protocol__in=protocols_for(actor))
        ),
    )
)
register(
    Audited(
        "consent_statement",
        "Consent statement",
        ConsentStatement,
        lambda actor: ConsentStatement.objects.all(),
    )
)
register(
    Audited("system_workflow", "System workflow", SystemWorkflow, lambda actor: SystemWorkflow.objects.all())
)
