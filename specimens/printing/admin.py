"""Print rules and print jobs in the admin; rules go through their door."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from biobank.access import Actor
from biobank.admin import DoorAdmin, ReadOnlyAdmin
from specimens.participant.admin import Shown, choice
from specimens.printing.detail import PrintRuleDetail
from specimens.printing.models import PrintFile, PrintItem, PrintJob, PrintRule
from specimens.printing.reads.scopes import RESOURCE, print_rules_for
from specimens.printing.rules import tokens
from specimens.printing.writes import PRINT_RULES

_LINKS = ("protocol", "site", "user_group")
_HELP = (
    "CSV: a column a line, as “Caption: text”. ZPL: the label from ^XA to ^XZ, tokens between ^FD and ^FS; "
    "^CI28 for letters beyond English ones. Tokens of specimens: {}. Tokens of visits: {}."
)


@admin.register(PrintRule)
class PrintRuleAdmin(DoorAdmin):
    resource = RESOURCE
    door = PRINT_RULES
    detail = PrintRuleDetail
    list_display = ["name", "kind", "position", "protocol", "site", "output", "printer", "activity_status"]
    list_filter = ["kind", "activity_status", "output"]
    list_select_related = ["protocol", "site"]
    search_fields = ["name", "printer"]
    ordering = ["kind", "position", "pk"]
    autocomplete_fields = ["protocol", "site"]
    fields = [
        ("name", "kind"), ("position", "activity_status"), ("protocol", "site"), "user_group",
        ("lineage", "specimen_class", "specimen_type"), ("printer", "output"), "template",
    ]  # fmt: skip

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=print_rules_for(actor).values("pk"))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "activity_status":
            return choice(("Active", "Closed", "Disabled"), blank=False, initial="Active")
        if db_field.name == "template":
            kwargs["help_text"] = _HELP.format(*(_named(kind) for kind in ("SPECIMEN", "VISIT")))
        if db_field.name == "printer":
            kwargs["help_text"] = "Begins the names of its files; none: the printer of who prints."
        if db_field.name == "position":
            kwargs["help_text"] = "Of the rules that fit a label, the one with the lowest position decides."
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def detail_of(self, form: Any) -> PrintRuleDetail:
        data = dict(form.cleaned_data)
        for name in _LINKS:
            row = data.pop(name)
            data[f"{name}_id"] = row.pk if row is not None else None
        return PrintRuleDetail(**data)


def _named(kind: str) -> str:
    return ", ".join(f"%{name}%" for name in sorted(tokens.OF_KIND[kind]))


class FilesShown(Shown):
    model = PrintFile
    fields = ["name", "printer", "rule", "made_at", "placed_at"]
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PrintFile]:
        return PrintFile.objects.select_related("rule").defer("content").order_by("pk")


class LabelsShown(Shown):
    model = PrintItem
    fields = ["label", "copies", "specimen", "visit"]
    show_change_link = False
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[PrintItem]:
        return PrintItem.objects.select_related("specimen", "visit").order_by("pk")


@admin.register(PrintJob)
class PrintJobAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "kind", "submitted_by", "submitted_on", "automatic"]
    list_filter = ["kind", "automatic"]
    list_select_related = ["submitted_by"]
    search_fields = ["items__label__exact"]
    search_help_text = "A label that was printed"
    ordering = ["-pk"]
    fields = ["kind", "submitted_by", "submitted_on", "automatic"]
    inlines = [FilesShown, LabelsShown]
