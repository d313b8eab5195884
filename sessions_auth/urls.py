"""Routes of users, signing in and roles; fixed paths stand before `<pk>`."""

from django.urls import path

from biobank.wire.routing import route
from sessions_auth import domain_views, pages, personal_views, role_views, session_views, views
from sessions_auth.groups import views as groups

rest = [
    route("/sessions", session_views.Sessions),
    route("/sessions/refresh-cookie", session_views.RefreshCookie),
    route("/sessions/impersonate", session_views.Impersonation),
    route("/sessions/otp", session_views.SendOtp),
    route("/sessions/verify-otp", session_views.VerifyOtp),
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
    route("/users/<pk>/forms", personal_views.UserForms),
    route("/users/<pk>/form-records", personal_views.UserRecords),
    route("/users/<pk>/forms/<context>/records", personal_views.UserFormRecords),
    route("/user-groups", groups.Groups),
    route("/user-groups/count", groups.GroupCount),
    route("/user-groups/member-of", groups.MemberOf),
    route("/user-groups/<pk>", groups.GroupOne),
    route("/user-groups/<pk>/users", groups.GroupUsers),
    route("/user-notifications", personal_views.Notifications),
    route("/user-notifications/unread-count", personal_views.UnreadCount),
    route("/user-notifications/mark-as-read", personal_views.MarkAsRead),
    route("/user-favorites", personal_views.Favorites),
    route("/user-favorites/<pk>", personal_views.FavoriteOne),
    route("/rbac/roles", role_views.Roles),
    route("/rbac/roles/count", role_views.RoleCount),
    route("/rbac/roles/<pk>", role_views.RoleOne),
    route("/rbac/subjects/<user>/roles", role_views.SubjectRoles),
    route("/rbac/subjects/<user>/roles/<pk>", role_views.SubjectRoleOne),
    route("/rbac/resources", role_views.Resources),
    route("/rbac/resources/<name>", role_views.ResourceOne),
    route("/rbac/operations", role_views.Operations),
    route("/rbac/operations/<name>", role_views.OperationOne),
    route("/rbac/permissions", role_views.Permissions),
    route("/rbac/groups/<pk>/roles", role_views.GroupRoles),
    route("/auth-domains", domain_views.Domains),
    route("/auth-domains/<pk>", domain_views.DomainOne),
]

root = [path("reset-password", pages.reset_password, name="reset-password")]
