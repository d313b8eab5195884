"""CSV import of users (spec 04 §5.4)."""

from biobank.batch.schema import Cell, Column, ImportSchema, register
from sessions_auth.detail import UserDetail
from sessions_auth.writes import USERS

USER = register(
    ImportSchema(
        name="user",
        label="Users",
        detail=UserDetail,
        door=USERS,
        columns=(
            Column("Identifier", "id"),
            Column("Last Name", "lastName"),
            Column("First Name", "firstName"),
            Column("Domain Name", "domainName"),
            Column("Login Name", "loginName"),
            Column("Email Address", "emailAddress"),
            Column("Institute", "instituteName"),
            Column("Primary Site", "primarySite"),
            Column("Type", "type"),
            Column("Address", "address"),
            Column("Phone Number", "phoneNumber"),
            Column("Activity Status", "activityStatus"),
            Column("Disable Email Notifications", "dnd", Cell.FLAG),
            Column("Manage Forms", "manageForms", Cell.FLAG),
            Column("Manage Workflows", "manageWfs", Cell.FLAG),
            Column("Download Labels Print File", "downloadLabelsPrintFile", Cell.FLAG),
        ),
    )
)
