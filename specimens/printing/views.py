"""`/specimen-label-printer` and `/visit-name-printer` (spec 03 §4.5)."""

from django.http import HttpResponse
from rest_framework.request import Request

from biobank.wire.errors import FILE_NOT_FOUND, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import header_safe
from specimens.printing import rules
from specimens.printing.detail import (
    OutputFileQuery,
    PrintJobSummary,
    PrintToken,
    SpecimenPrint,
    VisitPrint,
)
from specimens.printing.models import Kind
from specimens.printing.reads import jobs, labels, wanted
from specimens.printing.rules import tokens
from specimens.printing.writes import place, print_labels


def _tokens(kind: str) -> list[PrintToken]:
    found = tokens.OF_KIND[kind]
    return [PrintToken(name=name, description=found[name]) for name in sorted(found)]


class SpecimenLabelPrinter(ApiView):
    @operation("Print labels of specimens", body=SpecimenPrint, answer=PrintJobSummary, effect=Effect.ACTION)
    def post(self, request: Request, body: SpecimenPrint) -> PrintJobSummary:
        ids = wanted.specimens(body, self.actor)
        wrong = rules.copies_problem("numCopies", body.num_copies, len(ids))
        if wrong is not None:
            raise Refused(wrong)
        found = labels.of_specimens(ids)
        if not found:
            raise Refused(rules.NO_SPECIMENS())
        job = print_labels(Kind.SPECIMEN, found, lambda label: body.num_copies or 1, self.actor)
        place(job)
        return jobs.summary(job.pk)


class SpecimenLabelTokens(ApiView):
    @operation("What labels of specimens may tell", answer=list[PrintToken])
    def get(self, request: Request) -> list[PrintToken]:
        return _tokens(Kind.SPECIMEN)


class SpecimenLabelFile(ApiView):
    @operation("A file that was made for a printer", query=OutputFileQuery, answer="text/csv")
    def get(self, request: Request, query: OutputFileQuery) -> HttpResponse:
        file = jobs.output_file(query.job_id, query.filename, self.actor)
        if not file.content:
            raise Refused(FILE_NOT_FOUND())
        kind = "text/csv" if file.name.endswith(".csv") else "text/plain"
        response = HttpResponse(file.content.encode(), content_type=f"{kind}; charset=utf-8")
        response["Content-Disposition"] = f'attachment;filename="{header_safe(file.name)}"'
        return response


class VisitNamePrinter(ApiView):
    @operation("Print names of visits", body=VisitPrint, answer=PrintJobSummary, effect=Effect.ACTION)
    def post(self, request: Request, body: VisitPrint) -> PrintJobSummary:
        ids = wanted.visits(body, self.actor)
        wrong = rules.copies_problem("copies", body.copies, len(ids))
        if wrong is not None:
            raise Refused(wrong)
        found = labels.of_visits(ids)
        if not found:
            raise Refused(rules.NO_VISITS())
        job = print_labels(Kind.VISIT, found, lambda label: body.copies or 1, self.actor)
        place(job)
        return jobs.summary(job.pk)


class VisitNameTokens(ApiView):
    @operation("What labels of visits may tell", answer=list[PrintToken])
    def get(self, request: Request) -> list[PrintToken]:
        return _tokens(Kind.VISIT)
