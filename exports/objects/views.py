"""`/export-jobs` (spec 04 §6); every success is 200, whatever the mode."""

from django.http import FileResponse
from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from exports.objects import reads
from exports.objects.detail import ExportJobDetail, NewExport
from exports.objects.models import ObjectExport
from exports.objects.requests import submit
from exports.objects.waiting import wait

ZIP = "application/zip"


class ExportJobs(ApiView):
    @operation("Export records as CSV", body=NewExport, answer=ExportJobDetail, effect=Effect.ACTION)
    def post(self, request: Request, body: NewExport) -> ExportJobDetail:
        """Waits up to half a minute for the job's end, else says that it is in progress; send the same again then."""
        job = submit(body, self.actor, request.headers.get("X-OS-CLIENT-TZ"))
        return reads.details([wait(job, synchronous=bool(body.synchronous))], counted=False)[0]


class ExportJobOne(ApiView):
    @operation("An export job", answer=ExportJobDetail)
    def get(self, request: Request, pk: int) -> ExportJobDetail:
        return reads.details([reads.job(pk, self.actor)])[0]


class ExportJobOutput(ApiView):
    @operation("The file of an export job: a zip with `output.csv`", answer=ZIP)
    def get(self, request: Request, pk: int) -> FileResponse:
        return attachment(reads.job(pk, self.actor))


def attachment(job: ObjectExport) -> FileResponse:
    """The job's file as a download. Raises EXPORT_JOB_IN_PROGRESS, EXPORT_JOB_OUTPUT_FILE_NOT_CREATED."""
    answer = FileResponse(reads.output(job).open("rb"), content_type=ZIP)
    answer["Content-Disposition"] = f"attachment;filename=ExportJob_{job.pk}.zip"
    return answer
