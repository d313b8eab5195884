"""Routes of import jobs; fixed paths stand before `<pk>`."""

from biobank.wire.routing import also_answer_options, route
from importjobs import chunk_views, views

rest = [
    route("/import-jobs", views.JobList),
    route("/import-jobs/input-file-template", views.Template),
    route("/import-jobs/input-file", views.InputFile),
    route("/import-jobs/input-file/chunks", chunk_views.ChunkedFiles),
    route("/import-jobs/input-file/chunks/<pk>", chunk_views.ChunkedFileOne),
    route("/import-jobs/schemas", views.SchemaList),
    route("/import-jobs/schemas/<name>", views.SchemaOne),
    route("/import-jobs/preview", views.Preview),
    route("/import-jobs/process-file-records", views.FileRecords),
    route("/import-jobs/record-fields-csv", views.RecordFieldsCsv),
    route("/import-jobs/schedule", views.Schedule),
    route("/import-jobs/<pk>", views.JobOne),
    route("/import-jobs/<pk>/output", views.JobOutput),
    route("/import-jobs/<pk>/stop", views.JobStop),
    route("/import-jobs/<pk>/progress", views.JobProgressView),
    route("/import-jobs/<pk>/errors", views.JobProblems),
    route("/import-jobs/<pk>/statistics", views.JobStatistics),
    route("/import-jobs/<pk>/failed-rows", views.JobFailedRows),
    route("/import-jobs/<pk>/retry", views.JobRetry),
]

also_answer_options("/import-jobs/input-file/chunks", chunk_views.offers)
