"""The tokens of label templates, with what they stand for; none of them tells who a participant is."""

_SHARED = {
    "PPI": "Participant protocol id",
    "CP_SHORT_TITLE": "Short title of the protocol",
    "CP_CODE": "Code of the protocol",
    "CP_ID": "Id of the protocol",
    "VISIT_NAME": "Name of the visit",
    "VISIT_DATE": "Day of the visit",
    "VISIT_SITE": "Site of the visit",
    "EVENT_LABEL": "Label of the event",
    "EVENT_CODE": "Code of the event",
    "PRINTER": "Name of the printer",
    "PRINTED_ON": "Day and time of printing",
    "PRINTED_BY": "Login name of who prints",
}

SPECIMEN = {
    "LABEL": "Label of the specimen",
    "ADDITIONAL_LABEL": "Additional label",
    "BARCODE": "Barcode",
    "SPECIMEN_ID": "Id of the specimen",
    "CLASS": "Specimen class",
    "TYPE": "Specimen type",
    "SP_TYPE": "Abbreviation of the type, else the type",
    "LINEAGE": "New, Derived or Aliquot",
    "ANATOMIC_SITE": "Anatomic site",
    "LATERALITY": "Laterality",
    "PATHOLOGY": "Pathology status",
    "SP_PATH_STATUS": "Abbreviation of the pathology status, else the status",
    "STATUS": "Collection status",
    "INITIAL_QTY": "Initial quantity",
    "AVAILABLE_QTY": "Available quantity",
    "CONCENTRATION": "Concentration",
    "CREATED_ON": "Day of creation",
    "COLL_DATE": "Day of collection of the primary specimen",
    "COLL_TIME": "Time of collection of the primary specimen",
    "YR_OF_COLL": "Year of collection of the primary specimen",
    "SR_CODE": "Code of the requirement",
    "SR_NAME": "Name of the requirement",
    "PSPEC_LABEL": "Label of the parent",
    "PR_SPEC_LABEL": "Label of the primary specimen",
    "BIOHAZARDS": "Biohazards",
    "COMMENTS": "Comments",
    **_SHARED,
}

VISIT = {
    "VISIT_ID": "Id of the visit",
    "STATUS": "Status of the visit",
    "CLINICAL_STATUS": "Clinical status",
    "COHORT": "Cohort",
    **_SHARED,
}

OF_KIND = {"SPECIMEN": SPECIMEN, "VISIT": VISIT}
