"""`/specimens`, and collecting a visit with its specimens (spec 03 §3, §2.8)."""

from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework.request import Request

from biobank.wire.detail import Payload
from biobank.wire.errors import INVALID_INPUT, Refused
from biobank.wire.forms import INVALID_FORM_CTXT, FormContext, LevelQuery
from biobank.wire.http import EMPTY, ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from sites.detail import DeleteQuery, Dependents
from specimens.specimen import reads, rules, writes
from specimens.specimen.detail import (
    EventForm,
    EventMap,
    LabelQuery,
    SavedEvent,
    SpecimenAncestry,
    SpecimenBulkChange,
    SpecimenDetail,
    SpecimenInfo,
    SpecimenKey,
    SpecimenQuery,
    SpecimenSearch,
    SpecimenStatusChange,
    SpecimenUndelete,
)
from specimens.specimen.reads.rows import Json
from specimens.specimen.rules import forms
from specimens.specimen.writes.drafts import Node
from specimens.visit import reads as visit_reads
from specimens.visit.detail import VisitDetail


class CollectedVisit(Payload):
    """A visit and the specimens taken at it."""

    visit: VisitDetail = VisitDetail()
    specimens: list[SpecimenDetail] | None = None


class SpecimenList(ApiView):
    @operation(
        "Specimens of a registration, by id, label or barcode, or of a protocol",
        query=SpecimenQuery,
        answer=list[SpecimenDetail],
    )
    def get(self, request: Request, query: SpecimenQuery) -> list[Json]:
        return reads.listed(query, self.actor)

    @operation("Whether a label or barcode is in use", query=LabelQuery)
    def head(self, request: Request, query: LabelQuery) -> object:
        if not reads.is_named(query):
            raise Refused(rules.NOT_FOUND.missing(key=query.label or query.barcode))
        return EMPTY

    @operation("Create a specimen", body=SpecimenDetail, answer=SpecimenDetail)
    def post(self, request: Request, body: SpecimenDetail) -> Json:
        return self._told([body], [writes.SPECIMENS.write_one(body, self.actor)])[0]

    @operation(
        "Change specimens, each in its own way", body=list[SpecimenDetail], answer=list[SpecimenDetail]
    )
    def put(self, request: Request, body: list[SpecimenDetail]) -> list[Json]:
        return self._told(body, writes.change_each(body, self.actor))

    @operation("Delete specimens and all that was made of them", query=DeleteQuery, answer=list[SpecimenInfo])
    def delete(self, request: Request, query: DeleteQuery) -> list[Json]:
        wanted = dict.fromkeys(query.id or ())
        known = set(reads.known_specimens().filter(pk__in=wanted).values_list("pk", flat=True))
        ids = [pk for pk in wanted if pk in known]
        return reads.shown(writes.delete(ids, self.actor, force=True, reason=query.reason), self.actor)

    def _told(self, sent: Sequence[SpecimenDetail], ids: Sequence[int]) -> list[Json]:
        found = reads.details(self.actor, ids)
        return echoed(found, zip(sent, ids, strict=True))


class SpecimenOne(ApiView):
    @operation("A specimen and what was made of it", answer=SpecimenDetail)
    def get(self, request: Request, pk: int) -> Json:
        return reads.details(self.actor, [reads.specimen(self.actor, pk).pk])[0]

    @operation("Change the keys that are sent", body=SpecimenDetail, answer=SpecimenDetail)
    def put(self, request: Request, pk: int, body: SpecimenDetail) -> Json:
        writes.SPECIMENS.write_one(body, self.actor, pk)
        return echoed(reads.details(self.actor, [pk]), [(body, pk)])[0]

    @operation("Delete a specimen", query=DeleteQuery, answer=SpecimenInfo)
    def delete(self, request: Request, pk: int, query: DeleteQuery) -> Json:
        force = bool(query.force_delete)
        ids = writes.delete([pk], self.actor, force=force, reason=query.reason)
        return reads.shown(ids, self.actor)[0]


class SpecimenBulkUpdate(ApiView):
    @operation("The same change for many specimens", body=SpecimenBulkChange, answer=list[SpecimenDetail])
    def put(self, request: Request, body: SpecimenBulkChange) -> list[Json]:
        return reads.details(self.actor, writes.change_all(body, self.actor))


class SpecimenStatus(ApiView):
    @operation("Close, reopen or delete a specimen", body=SpecimenStatusChange, answer=SpecimenDetail)
    def put(self, request: Request, pk: int, body: SpecimenStatusChange) -> Json:
        return reads.details(self.actor, writes.change_status([body], [pk], self.actor))[0]


class SpecimenStatuses(ApiView):
    @operation(
        "Close, reopen or delete specimens", body=list[SpecimenStatusChange], answer=list[SpecimenDetail]
    )
    def put(self, request: Request, body: list[SpecimenStatusChange]) -> list[Json]:
        ids = writes.identify([writes.Name(c.id, c.name, c.barcode, c.cp_short_title) for c in body])
        return reads.details(self.actor, writes.change_status(body, ids, self.actor))


class SpecimenPooled(ApiView):
    @operation("Pool specimens", body=SpecimenDetail, answer=SpecimenDetail)
    def post(self, request: Request, body: SpecimenDetail) -> Json:
        if not body.specimens_pool:
            raise Refused(INVALID_INPUT(name="specimensPool", value="(none)"))
        pk = writes.SPECIMENS.write_one(body, self.actor)
        return echoed(reads.details(self.actor, [pk]), [(body, pk)])[0]


class SpecimenUndo(ApiView):
    @operation("Bring a deleted specimen back", body=SpecimenUndelete, answer=SpecimenDetail)
    def post(self, request: Request, body: SpecimenUndelete) -> Json:
        return reads.details(self.actor, [writes.undelete(body, self.actor)])[0]


class SpecimenCollect(ApiView):
    @operation("Save trees of specimens", body=list[SpecimenDetail], answer=list[SpecimenDetail])
    def post(self, request: Request, body: list[SpecimenDetail]) -> list[Json]:
        return collected(writes.collect(body, self.actor), self)


class VisitCollect(ApiView):
    @operation("Save a visit and its specimens", body=CollectedVisit, answer=CollectedVisit)
    def post(self, request: Request, body: CollectedVisit) -> dict[str, Any]:
        visit_id, saved = writes.collect_visit(body.visit, body.specimens or [], self.actor)
        row = visit_reads.with_parts(visit_reads.known_visits()).get(pk=visit_id)
        visit = visit_reads.visit_details([row], phi=())[0]
        return {
            "visit": visit.model_dump(mode="json", by_alias=True),
            "specimens": collected(saved, self),
        }


class SpecimenFind(ApiView):
    @operation("Search specimens", body=SpecimenSearch, answer=list[SpecimenDetail], effect=Effect.ACTION)
    def post(self, request: Request, body: SpecimenSearch) -> list[Json]:
        return reads.searched(body, self.actor)


class SpecimenFindCount(ApiView):
    @operation("How many specimens a search finds", body=SpecimenSearch, answer=Count, effect=Effect.ACTION)
    def post(self, request: Request, body: SpecimenSearch) -> Count:
        return Count(count=reads.matching(body, self.actor).count())


class SpecimenDependents(ApiView):
    @operation("What keeps a specimen from being deleted", answer=list[Dependents])
    def get(self, request: Request, pk: int) -> list[Dependents]:
        count = reads.collected_children(reads.specimen(self.actor, pk))
        return [Dependents(name="specimen", count=count)] if count else []


class SpecimenEvents(ApiView):
    @operation("What happened to a specimen", answer=list[EventForm])
    def get(self, request: Request, pk: int) -> list[EventForm]:
        return reads.events_of(reads.specimen(self.actor, pk), self.actor)


class SpecimenForms(ApiView):
    @operation("Forms of a specimen", query=LevelQuery, answer=list[FormContext])
    def get(self, request: Request, pk: int, query: LevelQuery) -> list[FormContext]:
        if query.entity_type and query.entity_type not in forms.LEVELS:
            raise Refused(INVALID_INPUT(name="entityType", value=query.entity_type))
        row = reads.specimen(self.actor, pk)
        if query.entity_type == forms.SPECIMEN_LEVEL:
            return []
        counted = reads.counts(reads.events_of(row, self.actor))
        return [
            FormContext(
                form_ctxt_id=form.id,
                form_id=form.id,
                form_name=form.name,
                form_caption=form.name,
                entity_type=forms.EVENT_LEVEL,
                multi_record=form.multiple,
                sys_form=True,
                no_of_records=counted.get(form.id, 0),
            )
            for form in forms.BUILT_IN.values()
        ]


class SpecimenFormRecords(ApiView):
    @operation("Records of a form of a specimen", answer=EventForm)
    def get(self, request: Request, pk: int, context: int) -> EventForm:
        row = reads.specimen(self.actor, pk)
        form = forms.BUILT_IN.get(context)
        if form is None:
            raise Refused(INVALID_FORM_CTXT.missing(id=context))
        found = next((one for one in reads.events_of(row, self.actor) if one.form_id == form.id), None)
        return found or EventForm(
            form_id=form.id, form_name=form.name, form_caption=form.name, form_ctxt_id=form.id, records=[]
        )


class SpecimenEventRecords(ApiView):
    @operation("Record events of specimens", body=list[EventMap], answer=list[SavedEvent])
    def post(self, request: Request, form: int, body: list[EventMap]) -> list[Json]:
        ids = writes.record_events(form, body, self.actor)
        sent = request.data if isinstance(request.data, list) else []
        return [{**one, "id": pk, "containerId": form} for one, pk in zip(sent, ids, strict=True)]


class SpecimenAbove(ApiView):
    @operation("The protocol, registration and visit of a specimen", answer=SpecimenAncestry)
    def get(self, request: Request, pk: int) -> SpecimenAncestry:
        row = reads.specimen(self.actor, pk)
        return SpecimenAncestry(
            cp_id=row.protocol_id, cpr_id=row.visit.registration_id, visit_id=row.visit_id, specimen_id=row.pk
        )


class SpecimenPrimary(ApiView):
    @operation("The primary specimen of the tree", answer=SpecimenKey)
    def get(self, request: Request, pk: int) -> SpecimenKey:
        row = reads.specimen(self.actor, pk)
        return SpecimenKey(id=row.primary_id or row.pk)


def collected(saved: Sequence[tuple[Node, int]], view: ApiView) -> list[Json]:
    """The saved trees, from their tops."""
    tops = [pk for node, pk in saved if node.parent is None]
    found = reads.details(view.actor, list(dict.fromkeys(tops)))
    return echoed(found, ((node.detail, pk) for node, pk in saved))


def echoed(found: list[Json], sent: Iterable[tuple[SpecimenDetail, int]]) -> list[Json]:
    """The answers with the correlation ids that the client gave its specimens (spec 03 §3.3)."""
    marks = {pk: (detail.uid, detail.parent_uid) for detail, pk in sent if detail.uid or detail.parent_uid}
    if marks:
        _mark(found, marks)
    return found


def _mark(trees: list[Json], marks: dict[int, tuple[str | None, str | None]]) -> None:
    for tree in trees:
        if tree["id"] in marks:
            tree["uid"], tree["parentUid"] = marks[tree["id"]]
        _mark(tree["children"] or [], marks)
