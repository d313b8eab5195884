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
    "userRoles": (
        "Identifier,Email Address,Role#1#Name,Role#1#Site Name,Role#1#CP Short Title,Role#2#Name,Role#2#Site Name,"
        "Role#2#CP Short Title"
    ),
}


def template(api: Api, schema: str) -> list[str]:
    """The captions of a schema's template."""
    line = api.get(f"/import-jobs/input-file-template?schema={schema}").body.decode()
    assert line.endswith('"\n')
    return line.strip('"\n').split('","')


def version_7(schema: str) -> list[str]:
    return V7[schema].split(",")
