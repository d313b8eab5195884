"""Error codes of protocols, events, requirements and consents (spec 02)."""

from biobank.wire.errors import Code, Kind

# --- Protocols --------------------------------------------------------------------------------------
CP_NOT_FOUND = Code("CP_NOT_FOUND", "There is no such collection protocol: {key}")
CP_DOES_NOT_EXIST = Code("CP_DOES_NOT_EXIST", "There is no such collection protocol: {key}")
CP_REQUIRED = Code("CP_REQUIRED", "A collection protocol must be named")
CP_TITLE_REQUIRED = Code("CP_TITLE_REQUIRED", "A collection protocol needs a title")
CP_SHORT_TITLE_REQUIRED = Code("CP_SHORT_TITLE_REQUIRED", "A collection protocol needs a short title")
CP_DUP_TITLE = Code("CP_DUP_TITLE", "A collection protocol with the same title exists already: {value}")
CP_DUP_SHORT_TITLE = Code(
    "CP_DUP_SHORT_TITLE", "A collection protocol with the same short title exists already: {value}"
)
CP_DUP_CODE = Code("CP_DUP_CODE", "A collection protocol with the same code exists already: {value}")
CP_PI_REQUIRED = Code("CP_PI_REQUIRED", "A collection protocol needs a principal investigator")
CP_PI_NOT_FOUND = Code("CP_PI_NOT_FOUND", "The principal investigator is not a known user")
CP_INVALID_COORDINATORS = Code("CP_INVALID_COORDINATORS", "A coordinator is not a known user")
CP_START_DT_GT_END_DT = Code("CP_START_DT_GT_END_DT", "The start date is after the end date")
CP_REPOSITORIES_REQUIRED = Code("CP_REPOSITORIES_REQUIRED", "A collection protocol needs at least one site")
CP_INVALID_REPOSITORIES = Code("CP_INVALID_REPOSITORIES", "There is no such site: {value}")
CP_DUP_CP_SITE_CODES = Code("CP_DUP_CP_SITE_CODES", "Two sites of the protocol have the same code: {value}")
CP_USED_SITES = Code("CP_USED_SITES", "Participants are registered at sites that would be removed: {value}")
CP_CREATOR_DOES_NOT_BELONG_CP_REPOS = Code(
    "CP_CREATOR_DOES_NOT_BELONG_CP_REPOS", "Every site of the protocol must belong to your institute"
)
CP_INVALID_PPID_FMT = Code("CP_INVALID_PPID_FMT", "Not a valid PPID format: {value}")
CP_INVALID_VISIT_NAME_FMT = Code("CP_INVALID_VISIT_NAME_FMT", "Not a valid visit name format: {value}")
CP_INVALID_SPECIMEN_LABEL_FMT = Code("CP_INVALID_SPECIMEN_LABEL_FMT", "Not a valid label format: {value}")
CP_INVALID_DERIVATIVE_LABEL_FMT = Code(
    "CP_INVALID_DERIVATIVE_LABEL_FMT", "Not a valid derivative label format: {value}"
)
CP_INVALID_ALIQUOT_LABEL_FMT = Code(
    "CP_INVALID_ALIQUOT_LABEL_FMT", "Not a valid aliquot label format: {value}"
)
CP_INVALID_ADDL_LABEL_FMT = Code("CP_INVALID_ADDL_LABEL_FMT", "Not a valid second label format: {value}")
CP_INVALID_SPECIMEN_BARCODE_FMT = Code(
    "CP_INVALID_SPECIMEN_BARCODE_FMT", "Not a valid barcode format: {value}"
)
CP_CANNOT_ENABLE_BARCODING = Code(
    "CP_CANNOT_ENABLE_BARCODING", "Barcoding needs the three label formats and no manual labels"
)
INV_CONT_SEL_STRATEGY = Code(
    "STORAGE_CONTAINER_INV_CONT_SEL_STRATEGY", "Not a way to select containers: {value}"
)
CP_INVALID_LABEL_SEQ_KEY = Code("CP_INVALID_LABEL_SEQ_KEY", "Not a label sequence key: {value}")
CP_INVALID_VISIT_COLL_MODE = Code("CP_INVALID_VISIT_COLL_MODE", "Not a visit collection mode: {value}")
CP_INVALID_VISIT_NAME_PRINT_MODE = Code(
    "CP_INVALID_VISIT_NAME_PRINT_MODE", "Not a visit name print mode: {value}"
)
CP_INVALID_SPMN_LABEL_PRE_PRINT_MODE = Code(
    "CP_INVALID_SPMN_LABEL_PRE_PRINT_MODE", "Not a label pre-print mode: {value}"
)
CP_SPMN_LINEAGE_REQUIRED = Code("CP_SPMN_LINEAGE_REQUIRED", "A label print setting needs a lineage")
CP_INVALID_SPMN_LINEAGE = Code("CP_INVALID_SPMN_LINEAGE", "Not a lineage: {value}")
CP_DUP_PRINT_SETTING = Code("CP_DUP_PRINT_SETTING", "Two label print settings for one lineage: {value}")
CP_INVALID_SPMN_LABEL_PRINT_MODE = Code("CP_INVALID_SPMN_LABEL_PRINT_MODE", "Not a label print mode: {value}")
DP_NOT_FOUND = Code("DP_NOT_FOUND", "There is no such distribution protocol: {key}")
CP_INVALID_SOP_DOC = Code("CP_INVALID_SOP_DOC", "Not the name of an uploaded SOP document: {value}")
CP_SOP_DOC_NOT_FOUND = Code("CP_SOP_DOC_NOT_FOUND", "The collection protocol has no SOP document")
CP_SOP_DOC_MOVED_OR_DELETED = Code(
    "CP_SOP_DOC_MOVED_OR_DELETED", "The SOP document is no longer on the server", Kind.NOT_FOUND
)
CP_REF_ENTITY_FOUND = Code("CP_REF_ENTITY_FOUND", "The collection protocol still has registrations")
CP_OP_NOT_ALLOWED_SC = Code("CP_OP_NOT_ALLOWED_SC", "Not possible in the specimen-centric protocol {value}")
CP_CANNOT_MERGE_FMT_DIFFERS = Code(
    "CP_CANNOT_MERGE_FMT_DIFFERS", "The label formats of the two protocols differ"
)

# --- Consents ---------------------------------------------------------------------------------------
CP_CONSENTS_WAIVED = Code("CP_CONSENTS_WAIVED", "Consents are waived for this protocol")
CP_CONSENTS_SOURCED = Code("CP_CONSENTS_SOURCED", "The protocol takes its consents from another protocol")
CP_DUP_CONSENT = Code("CP_DUP_CONSENT", "The protocol has the same consent statement already: {value}")
CP_CONSENT_TIER_NOT_FOUND = Code("CP_CONSENT_TIER_NOT_FOUND", "The protocol has no such consent tier: {key}")
CP_CONSENT_REF_ENTITY_FOUND = Code(
    "CP_CONSENT_REF_ENTITY_FOUND", "Participants have responded to the consent statement"
)
CP_CONSENT_TIER_FOUND = Code("CP_CONSENT_TIER_FOUND", "The protocol still has consent tiers")
CP_VISIT_CONSENTS_ENABLED = Code(
    "CP_VISIT_CONSENTS_ENABLED", "A protocol that takes consents at visits cannot share them"
)
CP_CONSENTS_SOURCE_NOT_FOUND = Code(
    "CP_CONSENTS_SOURCE_NOT_FOUND", "There is no such protocol to take consents from: {key}"
)
CONSENT_STATEMENT_NOT_FOUND = Code("CONSENT_STATEMENTNOT_FOUND", "There is no such consent statement: {key}")
CONSENT_STATEMENT_CODE_REQUIRED = Code("CONSENT_STATEMENTCODE_REQUIRED", "A consent statement needs a code")
CONSENT_STATEMENT_REQUIRED = Code("CONSENT_STATEMENTREQUIRED", "A consent statement needs its text")
CONSENT_STATEMENT_DUP_CODE = Code(
    "CONSENT_STATEMENTDUP_CODE", "A consent statement with the same code exists already: {value}"
)

# --- Versions ---------------------------------------------------------------------------------------
CP_NOT_IN_DRAFT = Code("CP_NOT_IN_DRAFT", "Nothing has changed since the last published version")
CP_PUB_CHANGES_REQ = Code("CP_PUB_CHANGES_REQ", "Say what has changed")
CP_PUB_REASON_REQ = Code("CP_PUB_REASON_REQ", "Say why it has changed")
CP_PUB_REVIEWERS_REQ = Code("CP_PUB_REVIEWERS_REQ", "Name at least one reviewer")
CP_PUB_INVALID_REVIEWERS = Code("CP_PUB_INVALID_REVIEWERS", "Not known as users: {value}")
CP_INVALID_PUB_ID = Code("CP_INVALID_PUB_ID", "There is no such published version: {key}", Kind.INVALID)

# --- Events -----------------------------------------------------------------------------------------
CPE_NOT_FOUND = Code("CPE_NOT_FOUND", "There is no such event: {key}")
CPE_LABEL_REQUIRED = Code("CPE_LABEL_REQUIRED", "An event needs a label")
CPE_DUP_LABEL = Code("CPE_DUP_LABEL", "An event with the same label exists already in the protocol: {value}")
CPE_DUP_CODE = Code("CPE_DUP_CODE", "An event with the same code exists already in the protocol: {value}")
CPE_POINT_UNIT_REQUIRED = Code("CPE_POINT_UNIT_REQUIRED", "An event point needs a unit")
CPE_INVALID_POINT_UNIT = Code("CPE_INVALID_POINT_UNIT", "Not a unit of event points: {value}")
CPE_CP_REQUIRED = Code("CPE_CP_REQUIRED", "An event needs its protocol, by title or short title")
CPE_INVALID_CLINICAL_DIAGNOSIS = Code("CPE_INVALID_CLINICAL_DIAGNOSIS", "Not a clinical diagnosis: {value}")
CPE_INVALID_CLINICAL_STATUS = Code("CPE_INVALID_CLINICAL_STATUS", "Not a clinical status: {value}")
CPE_CLOSED = Code("CPE_CLOSED", "The event is closed: {value}")
CPE_HAS_VISITS = Code("CPE_HAS_VISITS", "Visits of the event exist: {value}")

# --- Requirements -----------------------------------------------------------------------------------
SR_NOT_FOUND = Code("SR_NOT_FOUND", "There is no such specimen requirement: {key}")
SR_ID_CODE_REQ = Code("SR_ID_CODE_REQ", "Which requirement? Its id, or its protocol and code, are needed")
SR_DUP_CODE = Code("SR_DUP_CODE", "A requirement with the same code exists already in the event: {value}")
SR_CPE_REQUIRED = Code("SR_CPE_REQUIRED", "A specimen requirement needs its event")
SR_INVALID_LINEAGE = Code("SR_INVALID_LINEAGE", "Not a lineage: {value}")
SR_SPECIMEN_CLASS_REQUIRED = Code("SR_SPECIMEN_CLASS_REQUIRED", "A requirement needs a specimen class")
SR_INVALID_SPECIMEN_CLASS = Code("SR_INVALID_SPECIMEN_CLASS", "Not a specimen class: {value}")
SR_SPECIMEN_TYPE_REQUIRED = Code("SR_SPECIMEN_TYPE_REQUIRED", "A requirement needs a specimen type")
SR_INVALID_SPECIMEN_TYPE = Code("SR_INVALID_SPECIMEN_TYPE", "Not a type of the specimen class: {value}")
SR_ANATOMIC_SITE_REQUIRED = Code("SR_ANATOMIC_SITE_REQUIRED", "A requirement needs an anatomic site")
SR_INVALID_ANATOMIC_SITE = Code("SR_INVALID_ANATOMIC_SITE", "Not an anatomic site: {value}")
SR_LATERALITY_REQUIRED = Code("SR_LATERALITY_REQUIRED", "A requirement needs a laterality")
SR_INVALID_LATERALITY = Code("SR_INVALID_LATERALITY", "Not a laterality: {value}")
SR_PATHOLOGY_STATUS_REQUIRED = Code("SR_PATHOLOGY_STATUS_REQUIRED", "A requirement needs a pathology status")
SR_INVALID_PATHOLOGY_STATUS = Code("SR_INVALID_PATHOLOGY_STATUS", "Not a pathology status: {value}")
SR_STORAGE_TYPE_REQUIRED = Code("SR_STORAGE_TYPE_REQUIRED", "A requirement needs a storage type")
SR_COLL_PROC_REQUIRED = Code("SR_COLL_PROC_REQUIRED", "A requirement needs a collection procedure")
SR_INVALID_COLL_PROC = Code("SR_INVALID_COLL_PROC", "Not a collection procedure: {value}")
SR_COLL_CONT_REQUIRED = Code("SR_COLL_CONT_REQUIRED", "A requirement needs a collection container")
SR_INVALID_COLL_CONT = Code("SR_INVALID_COLL_CONT", "Not a collection container: {value}")
SR_INVALID_QTY = Code("SR_INVALID_QTY", "Not a quantity that a requirement can have")
SR_CONCENTRATION_MUST_BE_POSITIVE = Code(
    "SR_CONCENTRATION_MUST_BE_POSITIVE", "A concentration cannot be negative"
)
SR_COLLECTOR_NOT_FOUND = Code("SR_COLLECTOR_NOT_FOUND", "The collector is not a known user")
SR_RECEIVER_NOT_FOUND = Code("SR_RECEIVER_NOT_FOUND", "The receiver is not a known user")
SR_INVALID_LABEL_FMT = Code("SR_INVALID_LABEL_FMT", "Not a valid label format: {value}")
SR_INVALID_ALIQUOT_CNT = Code("SR_INVALID_ALIQUOT_CNT", "The number of aliquots must be 1 or more")
SR_PARENT_REQ_REQUIRED = Code("SR_PARENT_REQ_REQUIRED", "The parent requirement must be named")
SR_PARENT_NOT_FOUND = Code("SR_PARENT_NOT_FOUND", "There is no such parent requirement: {key}")
SR_INSUFFICIENT_QTY = Code("SR_INSUFFICIENT_QTY", "The aliquots need more than their parent has")
SR_CLOSED = Code("SR_CLOSED", "The specimen requirement is closed")
SR_CANNOT_CHANGE_CLASS_OR_TYPE = Code(
    "SR_CANNOT_CHANGE_CLASS_OR_TYPE", "Specimens were collected: class and type cannot change"
)
SR_HAS_SPECIMENS = Code("SR_HAS_SPECIMENS", "Specimens of the requirement exist")
SITE_NOT_FOUND = Code("SITE_NOT_FOUND", "There is no such site: {value}")
TOO_LONG = Code("COMMON_VALUE_TOO_LONG", "{name} is longer than {limit} characters")
OTHER_ID = Code("INVALID_REQUEST", "The id in the body is not the one in the path")

# --- Groups -----------------------------------------------------------------------------------------
GROUP_NOT_FOUND = Code("CP_GROUP_NOT_FOUND", "There is no such group of protocols: {key}")
GROUP_NAME_REQ = Code("CP_GROUP_NAME_REQ", "A group of protocols needs a name")
GROUP_DUP_NAME = Code("CP_GROUP_DUP_NAME", "A group with the same name exists already: {value}")
GROUP_CP_REQ = Code("CP_GROUP_CP_REQ", "A group needs at least one protocol")
GROUP_CP_NOT_FOUND = Code("CP_GROUP_CP_NOT_FOUND", "There is no such collection protocol: {key}")
GROUP_CP_IN_OTH_GRPS = Code("CP_GROUP_CP_IN_OTH_GRPS", "In another group already: {value}")
GROUP_DUP_FORM = Code("CP_GROUP_DUP_FORM", "The same form is named twice: {value}")
GROUP_CP_UPDATE_REQ = Code(
    "CP_GROUP_CP_UPDATE_REQ", "You need the right to update every protocol of the group", Kind.FORBIDDEN
)

# --- Units of specimen types ------------------------------------------------------------------------
UNIT_QTY_OR_CONC_UNIT_REQ = Code(
    "SPECIMEN_TYPE_UNIT_QTY_OR_CONC_UNIT_REQ", "A unit of quantity or of concentration is needed"
)
UNIT_DUP = Code("SPECIMEN_TYPE_UNIT_DUP", "The class or type has units already: {value}")
UNIT_ID_REQ = Code("SPECIMEN_TYPE_UNIT_ID_REQ", "Which units? Their id, or their class, is needed")
UNIT_NOT_FOUND = Code("SPECIMEN_TYPE_UNIT_NOT_FOUND", "There are no such units: {key}")
UNIT_CLASS_REQUIRED = Code("SPECIMEN_SPECIMEN_CLASS_REQUIRED", "Units need a specimen class")
UNIT_INVALID_CLASS = Code("SPECIMEN_INVALID_SPECIMEN_CLASS", "Not a specimen class: {value}")
UNIT_INVALID_TYPE = Code("SPECIMEN_INVALID_SPECIMEN_TYPE", "Not a type of the specimen class: {value}")
UNIT_INVALID_UNIT = Code("SPECIMEN_INVALID_UNIT", "Not a unit of specimens: {value}")
