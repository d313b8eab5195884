"""Routes of queries; fixed paths stand before `<pk>`."""

from biobank.wire.routing import route
from queries.views import folders, list_views, running, saved_queries, scheduled_jobs

rest = [
    route("/query", running.Query),
    route("/query/export", running.Export),
    route("/query/facet-values", running.FacetValues),
    route("/query/default-result-view", running.DefaultResultView),
    route("/query/<pk>", running.SavedQueryRunning),
    route("/saved-queries", saved_queries.SavedQueryList),
    route("/saved-queries/count", saved_queries.SavedQueryCount),
    route("/saved-queries/definition-file", saved_queries.DefinitionUpload),
    route("/saved-queries/<pk>", saved_queries.SavedQueryOne),
    route("/saved-queries/<pk>/definition-file", saved_queries.DefinitionDownload),
    route("/saved-queries/<pk>/audit-logs", saved_queries.SavedQueryAudit),
    route("/saved-queries/<pk>/labels", saved_queries.SavedQueryStar),
    route("/collection-protocols/<pk>/list-config", list_views.Config),
    route("/collection-protocols/<pk>/list-detail", list_views.Rows),
    route("/collection-protocols/<pk>/list-size", list_views.Size),
    route("/collection-protocols/<pk>/expression-values", list_views.Values),
    route("/query-folders", folders.FolderList),
    route("/query-folders/<pk>", folders.FolderOne),
    route("/query-folders/<pk>/saved-queries", folders.FolderQueries),
    route("/query-folders/<pk>/saved-queries-count", folders.FolderQueryCount),
    route("/query-folders/<pk>/users", folders.FolderUsers),
    route("/query-audit-logs", folders.AuditList),
    route("/query-audit-logs/count", folders.AuditCount),
    route("/query-audit-logs/<pk>", folders.AuditOne),
    route("/scheduled-jobs", scheduled_jobs.JobList),
    route("/scheduled-jobs/count", scheduled_jobs.JobCount),
    route("/scheduled-jobs/<pk>", scheduled_jobs.JobOne),
    route("/scheduled-jobs/<pk>/runs", scheduled_jobs.RunList),
    route("/scheduled-jobs/<pk>/runs/<run>", scheduled_jobs.RunOne),
    route("/scheduled-jobs/<pk>/runs/<run>/result-file", scheduled_jobs.RunResult),
]
