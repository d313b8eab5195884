"""Quick actions of the admin: one call through a door, from a record's page or for rows chosen in a list.

The action decides nothing itself. A refusal of the door is shown in the dialog that asked, at the field it is about,
with its code, as a caller of the API would read it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from biobank.admin import RecordAdmin, actor_in, complain
from biobank.wire.errors import INVALID_REQUEST, Refused

MOST_ROWS = 1000  # of one action on a list


@dataclass(frozen=True, slots=True)
class Done:
    """What an action has done, in words, and the page to go on with (by default the record's own)."""

    text: str
    url: str = ""


class QuickForm(BaseDialogForm):  # type: ignore[misc]
    """A dialog's form; `row` is the record it is about (None: rows of a list)."""

    row: Any = None

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        self.row = row
        super().__init__(*args, **kwargs)

    def render_before_template(self) -> str:
        """Refusals that belong to no field, above the fields."""
        return str(self.non_field_errors() or "") + str(super().render_before_template())

    def told(self) -> dict[str, Any]:
        """What was filled in; blank is None."""
        given = {name: value for name, value in self.cleaned_data.items() if not name.startswith("_")}
        return {name: None if value == "" else value for name, value in given.items()}


def text(label: str, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, widget=UnfoldAdminTextInputWidget, **more)


def remark(label: str = "Comments") -> forms.CharField:
    return forms.CharField(label=label, required=False, widget=UnfoldAdminTextareaWidget({"rows": 3}))


def whole(label: str, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, widget=UnfoldAdminIntegerFieldWidget, **more)


def day(label: str, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=UnfoldAdminDateWidget, **more)


def one_of(label: str, values: Callable[[], Sequence[str]], **more: Any) -> forms.ChoiceField:
    """One of some texts, read when the dialog opens; none by default."""
    return forms.ChoiceField(
        label=label,
        required=False,
        choices=lambda: [("", "-"), *((value, value) for value in values())],
        widget=UnfoldAdminSelectWidget,
        **more,
    )


Method = Callable[[Any, Any, dict[str, Any], Any], Done]


def quick(
    title: str,
    *,
    icon: str,
    form: type[QuickForm] = QuickForm,
    ask: str = "",
    submit: str = "",
    when: Callable[[Any], bool] = lambda row: True,
    may: str = "change",
) -> Callable[[Method], Any]:
    """Make `method(page, row, given, actor) -> Done` an action of a record's page, asked for in a dialog.

    `when` says for which records the button stands there; whether it is allowed is for the door to say.
    """
    dialog = {"title": title, "description": ask, "form_class": form, "form_submit_text": submit or title}

    def decorate(method: Method) -> Any:
        @wraps(method)
        def run(page: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            row = page.record(request, object_id)
            if row is None:
                raise Http404
            sent = form(request, object_id, request.POST or None, row=row)
            if sent.is_valid():
                try:
                    done = method(page, row, sent.told(), actor_in(request))
                except Refused as refused:
                    complain(sent, refused.problems)
                else:
                    messages.success(request, done.text)
                    return HttpResponse(headers={"HX-Redirect": done.url or _own_page(page, object_id)})
            context = {"dialog": dialog, "form": sent, "form_submit_text": dialog["form_submit_text"]}
            return render(request, "unfold/helpers/dialog.html", context)

        made: Any = action(description=title, icon=icon, permissions=[may])(run)
        made.dialog = dialog  # the theme opens the page in a dialog
        made.offered = when
        return made

    return decorate


def bulk(
    title: str, *, form: type[QuickForm] = QuickForm, ask: str = "", submit: str = "", may: str = "change"
) -> Callable[[Method], Any]:
    """Make `method(page, pks, given, actor) -> Done` an action on chosen rows of a list, confirmed on a page.

    All rows are written in one call of the door, all or none.
    """

    def decorate(method: Method) -> Any:
        @wraps(method)
        def run(page: Any, request: HttpRequest, rows: Any) -> HttpResponse:
            pks = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_ROWS + 1])
            data = request.POST if "_form_submitted" in request.POST else None
            sent = form(request, None, data)
            if len(pks) > MOST_ROWS:
                messages.error(request, f"Choose {MOST_ROWS:,} records at most; an import changes more.")
                return HttpResponseRedirect(request.get_full_path())
            if sent.is_valid():
                try:
                    done = method(page, pks, sent.told(), actor_in(request))
                except Refused as refused:
                    complain(sent, refused.problems)
                else:
                    messages.success(request, done.text)
                    return HttpResponseRedirect(request.get_full_path())
            context = {
                **page.admin_site.each_context(request),
                "title": title,
                "opts": page.opts,
                "form": sent,
                "ask": ask,
                "submit": submit or title,
                "names": [str(row) for row in rows.order_by("pk")[:20]],
                "number": len(pks),
                "pks": pks,
                "action": request.POST.get("action", ""),
                "chosen": ACTION_CHECKBOX_NAME,
                "back": request.get_full_path(),
            }
            return TemplateResponse(request, "admin/bulk.html", context)

        made: Any = action(description=title, permissions=[may])(run)
        return made

    return decorate


def midday(given: Any) -> datetime | None:
    """A day as an instant that is this day wherever the record is read."""
    if given is None:
        return None
    noon = datetime(given.year, given.month, given.day, 12)
    return (
        min(timezone.make_aware(noon), timezone.now())
        if given == timezone.localdate()
        else timezone.make_aware(noon)
    )


def one(pk: Any, kind: str) -> int:
    """The key of a choice. Raises INVALID_REQUEST."""
    if pk is None or not str(pk).isdigit():
        raise Refused(INVALID_REQUEST(reason=f"{kind} is missing"))
    return int(pk)


def page_of(label: str, pk: int) -> str:
    return reverse(f"admin:{label}_change", args=[pk])


def _own_page(page: RecordAdmin, object_id: str) -> str:
    return page_of(f"{page.opts.app_label}_{page.opts.model_name}", int(object_id))
