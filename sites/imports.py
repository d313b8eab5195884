"""CSV imports of institutes and sites (spec 04 §5.2, §5.3)."""

from biobank.batch.schema import Column, ImportSchema, Sub, register
from sites.detail import InstituteDetail, SiteDetail
from sites.writes import INSTITUTES, SITES

INSTITUTE = register(
    ImportSchema(
        name="institute",
        label="Institutes",
        detail=InstituteDetail,
        door=INSTITUTES,
        columns=(
            Column("Identifier", "id"),
            Column("Name", "name"),
            Column("Activity Status", "activityStatus"),
        ),
    )
)

SITE = register(
    ImportSchema(
        name="site",
        label="Sites",
        detail=SiteDetail,
        door=SITES,
        columns=(
            Column("Identifier", "id"),
            Column("Name", "name"),
            Column("Institute Name", "instituteName"),
            Column("Code", "code"),
            Column("Type", "type"),
            Column("Address", "address"),
            Column("Activity Status", "activityStatus"),
            Sub(
                "coordinators",
                (Column("Email Address", "emailAddress"),),
                caption="Coordinators",
                multiple=True,
            ),
        ),
    )
)
