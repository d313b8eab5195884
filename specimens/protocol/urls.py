"""Routes of protocols, events, requirements and consents; fixed paths stand before `<pk>`."""

from biobank.wire.routing import route
from specimens.protocol.views import consents, events, files, protocols, requirements

rest = [
    route("/collection-protocols", protocols.ProtocolList),
    route("/collection-protocols/count", protocols.ProtocolCount),
    route("/collection-protocols/byop", protocols.ProtocolsByOperation),
    route("/collection-protocols/barcoding-enabled", protocols.BarcodingEnabled),
    route("/collection-protocols/definition", files.DefinitionImport),
    route("/collection-protocols/<pk>", protocols.ProtocolOne),
    route("/collection-protocols/<pk>/dependent-entities", protocols.ProtocolDependents),
    route("/collection-protocols/<pk>/copy", protocols.ProtocolCopy),
    route("/collection-protocols/<pk>/sites", protocols.ProtocolSites),
    route("/collection-protocols/<pk>/labels", protocols.ProtocolStar),
    route("/collection-protocols/<pk>/definition", files.DefinitionFile),
    route("/collection-protocols/<pk>/workflows", files.ProtocolWorkflows),
    route("/collection-protocols/<pk>/workflows-file", files.WorkflowsFile),
    route("/collection-protocols/<pk>/consents-waived", consents.Waiver),
    route("/collection-protocols/<pk>/consents-source", consents.Source),
    route("/collection-protocols/<pk>/consent-tiers", consents.TierList),
    route("/collection-protocols/<pk>/consent-tiers/<tier>", consents.TierOne),
    route("/collection-protocols/<pk>/consent-tiers/<tier>/dependent-entities", consents.TierDependents),
    route("/collection-protocol-events", events.EventList),
    route("/collection-protocol-events/<pk>", events.EventOne),
    route("/collection-protocol-events/<pk>/copy", events.EventCopy),
    route("/specimen-requirements", requirements.RequirementList),
    route("/specimen-requirements/<pk>", requirements.RequirementOne),
    route("/specimen-requirements/<pk>/aliquots", requirements.RequirementAliquots),
    route("/specimen-requirements/<pk>/derived", requirements.RequirementDerived),
    route("/specimen-requirements/<pk>/copy", requirements.RequirementCopy),
    route("/specimen-requirements/<pk>/specimens-count", requirements.RequirementSpecimens),
    route("/consent-statements", consents.StatementList),
    route("/consent-statements/<pk>", consents.StatementOne),
]
