"""Routes of users, signing in and roles; fixed paths stand before `<pk>`."""

from django.urls import path

from biobank.wire.routing import route
from sessions_auth import domain_views, pages, role_views, session_views, views

rest = [
    route("/sessions", session_views.Sessions),
    route("/sessions/refresh-cookie", session_views.RefreshCookie),
    route("/sessions/impersonate", session_views.Impersonation),
    route("/users", views.UserList),
    route("/users/count", views.UserCount),
    route("/users/bulk-update", views.UserBulkUpdate),
    route("/users/password", session_views.Password),
    route("/users/forgot-password", session_views.ForgotPassword),
    route("/users/reset-password", session_views.ResetPassword),
    route("/users/sign-up", views.SignUp),
    route("/users/current-user", views.CurrentUser),
    route("/users/current-user-roles", views.CurrentUserRoles),
    route("/users/current-user-ui-state", views.CurrentUserState),
    route("/users/announcements", views.Announcements),
    route("/users/byid/<pk>", views.UserById),
    route("/users/<pk>", views.UserOne),
    route("/users/<pk>/activity-status", views.UserStatus),
    route("/users/<pk>/dependent-entities", views.UserDependents),
    route("/users/<pk>/institute", views.UserInstitute),
    route("/rbac/roles", role_views.Roles),
    route("/rbac/roles/count", role_views.RoleCount),
    route("/rbac/roles/<pk>", role_views.RoleOne),
    route("/rbac/subjects/<user>/roles", role_views.SubjectRoles),
    route("/rbac/subjects/<user>/roles/<pk>", role_views.SubjectRoleOne),
    route("/rbac/resources", role_views.Resources),
    route("/rbac/operations", role_views.Operations),
    route("/rbac/permissions", role_views.Permissions),
    route("/auth-domains", domain_views.Domains),
    route("/auth-domains/<pk>", domain_views.DomainOne),
]

root = [path("reset-password", pages.reset_password, name="reset-password")]
