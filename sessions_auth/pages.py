"""The page that a mailed link opens: choosing a password in a browser (spec 01 §C.6)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from biobank.configuration.reads import setting
from biobank.wire.errors import INVALID_REQUEST, Refused
from sessions_auth import passwords
from sessions_auth.detail import NewPassword

TEMPLATE = "sessions_auth/reset_password.html"


@never_cache
@require_http_methods(["GET", "POST"])
def reset_password(request: HttpRequest) -> HttpResponse:
    """Ask for a new password, or store it; the same rules as `POST /users/reset-password`."""
    sent = request.POST if request.method == "POST" else request.GET
    context: dict[str, object] = {
        "login": sent.get("loginName", ""),
        "token": sent.get("token", ""),
        "rule": setting("auth", "password_rule"),
    }
    if request.method == "GET":
        return render(request, TEMPLATE, context)
    try:
        wish = NewPassword.parse(
            {
                "loginName": sent.get("loginName"),
                "resetPasswordToken": sent.get("token"),
                "newPassword": sent.get("password"),
            }
        )
        passwords.reset(wish)
    except Refused as refused:
        told = [problem.message for problem in refused.problems if problem.code != INVALID_REQUEST.code]
        context["problems"] = told or ["This cannot be a password."]
        return render(request, TEMPLATE, context, status=400)
    return render(request, TEMPLATE, {"done": True})
