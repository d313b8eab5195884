"""What the query language sees of collection protocols (spec 05 §2.5)."""

from biobank.catalogue import Field, Fold, Form, Join, Kind, full_name, register
from sessions_auth.models import User
from sites.models import Institute, Site
from specimens.protocol.models import CollectionProtocol, ProtocolSite

_USER, _SITE, _INSTITUTE = User._meta.db_table, Site._meta.db_table, Institute._meta.db_table
_COORDINATORS = CollectionProtocol.coordinators.through._meta.db_table
_STARS = CollectionProtocol.starred_by.through._meta.db_table


def _person(prefix: str, join: str, name: str, caption: str) -> tuple[Field, ...]:
    """The fields of the principal investigator or of a coordinator."""
    return (
        Field(f"{prefix}.{name}", caption, Kind.TEXT, full_name(join)),
        Field(f"{prefix}.firstName", f"{caption} First Name", Kind.TEXT, f"{{{join}}}.first_name"),
        Field(f"{prefix}.lastName", f"{caption} Last Name", Kind.TEXT, f"{{{join}}}.last_name"),
        Field(f"{prefix}.email", f"{caption} Email", Kind.TEXT, f"{{{join}}}.email_address"),
        Field(f"{prefix}.primarySite", f"{caption} Primary Site", Kind.TEXT, f"{{{join}_site}}.name"),
        Field(f"{prefix}.institute", f"{caption} Institute", Kind.TEXT, f"{{{join}_institute}}.name"),
    )


def _person_joins(join: str) -> tuple[Join, ...]:
    return (
        Join(f"{join}_site", _SITE, f"{{{join}_site}}.id = {{{join}}}.primary_site_id"),
        Join(f"{join}_institute", _INSTITUTE, f"{{{join}_institute}}.id = {{{join}}}.institute_id"),
    )


PROTOCOL = register(
    Form(
        name="CollectionProtocol",
        caption="Collection Protocol",
        table=CollectionProtocol._meta.db_table,
        order=1,
        joins=(
            Join("pi", _USER, "{pi}.id = {self}.principal_investigator_id"),
            *_person_joins("pi"),
            Join(
                "coordination",
                _COORDINATORS,
                "{coordination}.collectionprotocol_id = {self}.id",
                fold=Fold.RECORDS,
            ),
            Join("coordinator", _USER, "{coordinator}.id = {coordination}.user_id"),
            *_person_joins("coordinator"),
            Join(
                "cp_site",
                ProtocolSite._meta.db_table,
                "{cp_site}.protocol_id = {self}.id",
                fold=Fold.RECORDS,
            ),
            Join("site", _SITE, "{site}.id = {cp_site}.site_id"),
            Join("star", _STARS, "{star}.collectionprotocol_id = {self}.id AND {star}.user_id = {user}"),
        ),
        fields=(
            Field("id", "ID", Kind.WHOLE, "{self}.id"),
            Field("shortTitle", "Short Title", Kind.TEXT, "{self}.short_title"),
            Field("Title", "Title", Kind.TEXT, "{self}.title"),
            Field("code", "Code", Kind.TEXT, "{self}.code"),
            Field("irbIdentifier", "IRB ID", Kind.TEXT, "{self}.irb_id"),
            Field("startDate", "Start Date", Kind.DAY, "{self}.start_date"),
            Field("endDate", "End Date", Kind.DAY, "{self}.end_date"),
            Field(
                "activityStatus",
                "Activity Status",
                Kind.TEXT,
                "{self}.activity_status",
                values=("Active", "Closed"),
            ),
            *_person("principalInvestigator", "pi", "investigatorName", "Principal Investigator"),
            *_person("coordinator", "coordinator", "coordinatorName", "Coordinator"),
            Field("cpSites.siteId", "Site ID", Kind.WHOLE, "{cp_site}.site_id"),
            Field("cpSites.siteName", "Site", Kind.TEXT, "{site}.name"),
            Field("cpSites.siteCode", "Site Code", Kind.TEXT, "{cp_site}.code"),
            Field("__userLabels.userId", "Starred By", Kind.WHOLE, "{star}.user_id", hidden=True),
        ),
    )
)
