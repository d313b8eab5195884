"""The header lines of version 7, as the specification quotes them (spec 04 §5)."""

from tests.client import Api

V7 = {
    "institute": "Identifier,Name,Activity Status",
    "site": (
        "Identifier,Name,Institute Name,Code,Type,Address,Activity Status,Coordinators#1#Email Address,"
        "Coordinators#2#Email Address"
    ),
    "user": (
        "Identifier,Last Name,First Name,Domain Name,Login Name,Email Address,Institute,Primary Site,Type,Address,"
        "Phone Number,Activity Status,Disable Email Notifications"
    ),
    "cp": (
        "Identifier,Title,Short Title,Code,Start Date,End Date,Ethics ID,Anticipated Participants Count,PPID Format,"
        "Visit Name Format,Label Format,Derivative Label Format,Aliquot Label Format,User inputs PPID,"
        "User inputs Visit Name,User inputs Specimen Label,Label Pre-print Mode,Description URL,Activity Status,"
        "Sites#1#Name,Sites#1#Code,Sites#2#Name,Sites#2#Code,PI#PI Email,Coordinator#1#Coordinator Email,"
        "Coordinator#2#Coordinator Email,Label Print Setting#1#Lineage,Label Print Setting#1#Print Mode,"
        "Label Print Setting#1#Copies,Label Print Setting#2#Lineage,Label Print Setting#2#Print Mode,"
        "Label Print Setting#2#Copies"
    ),
    "cpe": (
        "Identifier,CP Short Title,Event Code,Event Point,Event Point Unit,Event Label,Clinical Diagnosis,"
        "Clinical Status,Default Site,When to Print,Print Copies,Activity Status"
    ),
    "sr": (
        "Identifier,CP Short Title,Event Label,Parent Code,Name,Code,Lineage,Specimen Class,Specimen Type,"
        "Anatomic Site,Laterality,Pathology,Storage Type,Initial Quantity,Concentration,Collection Container,"
        "Collection Procedure,Label Format,Label Auto Print Mode,Label Print Copies,Sort Order,Activity Status,"
        "Collector#Email Address,Receiver#Email Address"
    ),
    "userRoles": (
        "Identifier,Email Address,Role#1#Name,Role#1#Site Name,Role#1#CP Short Title,Role#2#Name,Role#2#Site Name,"
        "Role#2#CP Short Title"
    ),
    "masterSpecimen": (
        "CP Short Title,PPID,Registration Date,Registration Site,External Subject ID,First Name,Last Name,Middle Name,"
        "Email Address,Date Of Birth,Death Date,Gender,Race#1,Race#2,Vital Status,Ethnicity#1,Ethnicity#2,National ID,"
        "eMPI,Event Label,Visit Name,Visit Date,Collection Site,Visit Status,Clinical Diagnosis#1,"
        "Clinical Diagnosis#2,Clinical Status,Path. Number,Visit Comments,Specimen Requirement Code,Specimen Label,"
        "Barcode,Class,Type,Lineage,Parent Specimen Label,Anatomic Site,Laterality,Pathological Status,Quantity,"
        "Concentration,Freeze/Thaw Cycles,Created On,Comments,Collection Status,Container,Row,Column,Position,"
        "Collection Date,Collection Procedure,Collection Container,Collector,Received Date,Received Quality,Receiver,"
        "PMI#1#Site Name,PMI#1#MRN,PMI#2#Site Name,PMI#2#MRN,Created By#Email Address,External IDs#1#Name,"
        "External IDs#1#Value,External IDs#2#Name,External IDs#2#Value"
    ),
}


def template(api: Api, schema: str) -> list[str]:
    """The captions of a schema's template."""
    line = api.get(f"/import-jobs/input-file-template?schema={schema}").body.decode()
    assert line.endswith('"\n')
    return line.strip('"\n').split('","')


def version_7(schema: str) -> list[str]:
    return V7[schema].split(",")
