"""The admin's sidebar: which pages stand in which group; everybody is shown the entries that open for them."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

Entry = tuple[
    str, str, str
]  # model label, title, icon (a name of Material Symbols, which come with the theme)

GROUPS: dict[str, tuple[Entry, ...]] = {
    "Studies": (
        ("protocol.CollectionProtocol", "Protocols", "lab_profile"),
        ("protocol.Event", "Events", "event"),
        ("protocol.Requirement", "Requirements", "checklist"),
        ("protocol.ProtocolGroup", "Groups of protocols", "workspaces"),
        ("protocol.SpecimenTypeUnit", "Units", "straighten"),
        ("protocol.ConsentStatement", "Consent statements", "handshake"),
    ),
    "People": (
        ("participant.Registration", "Registrations", "assignment_ind"),
        ("participant.Participant", "Participants", "groups"),
    ),
    "Samples": (
        ("visit.Visit", "Visits", "calendar_month"),
        ("specimen.Specimen", "Specimens", "labs"),
        ("cart.Cart", "Carts", "shopping_cart"),
        ("cart.CartFolder", "Folders of carts", "folder_special"),
        ("printing.PrintJob", "Print jobs", "print"),
    ),
    "Long work": (
        ("importjobs.ImportJob", "Import jobs", "upload_file"),
        ("exports.ObjectExport", "Export jobs", "output"),
        ("queries.SavedQuery", "Saved queries", "query_stats"),
        ("queries.QueryFolder", "Query folders", "folder"),
        ("queries.ScheduledJob", "Schedules", "schedule"),
        ("queries.ScheduledRun", "Runs", "history"),
        ("queries.QueryExport", "Query exports", "download"),
        ("queries.QueryAudit", "Query log", "receipt_long"),
        ("protocol.PublishedVersion", "Protocol versions", "verified"),
        ("exports.Export", "Exports", "archive"),
    ),
    "Access": (
        ("sessions_auth.User", "Users", "person"),
        ("sessions_auth.Role", "Roles", "shield_person"),
        ("sessions_auth.SubjectRole", "Roles of users", "badge"),
        ("sessions_auth.LoginAudit", "Sign-ins", "login"),
        ("sessions_auth.Token", "Tokens", "key"),
        ("sessions_auth.AuthDomain", "Domains", "domain"),
    ),
    "Set-up": (
        ("sites.Institute", "Institutes", "apartment"),
        ("sites.Site", "Sites", "location_on"),
        ("terminology.PermissibleValue", "Pick lists", "list_alt"),
        ("printing.PrintRule", "Print rules", "label"),
        ("configuration.SettingValue", "Settings", "settings"),
    ),
}  # fmt: skip


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups in the shape that the theme wants; pages the caller may not open, and empty groups, are left out."""
    found = ({"title": title, "items": _items(entries, request)} for title, entries in GROUPS.items())
    return [group for group in found if group["items"]]


def _items(entries: tuple[Entry, ...], request: HttpRequest) -> list[dict[str, str]]:
    return [
        {"title": title, "icon": icon, "link": reverse(f"admin:{label.lower().replace('.', '_')}_changelist")}
        for label, title, icon in entries
        if _opens(label, request)
    ]


def _opens(label: str, request: HttpRequest) -> bool:
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return False
    page = admin.site.get_model_admin(model)
    return page.has_module_permission(request) and page.has_view_permission(request)
