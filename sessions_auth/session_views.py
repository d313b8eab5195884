"""`/sessions` and the password calls (spec 01 part B, §C.6)."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from biobank.wire.errors import ADMIN_RIGHTS_REQUIRED, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from sessions_auth import impersonation, mail, otp, passwords, rules, signin, tokens
from sessions_auth.authentication import OTHER_COOKIE, TOKEN_COOKIE, address_of, token_of
from sessions_auth.detail import (
    Done,
    ForgottenPassword,
    Impersonate,
    Impersonating,
    NewPassword,
    OtpSignIn,
    PasswordChange,
    SignedIn,
    SignIn,
    YesNo,
)
from sessions_auth.models import User
from sessions_auth.reads import known_users


class Sessions(ApiView):
    @operation("Sign in", body=SignIn, answer=SignedIn, effect=Effect.ACTION, public=True)
    def post(self, request: Request, body: SignIn) -> Response:
        """Answers a token for the header `X-OS-API-TOKEN`, and sets it as a cookie too."""
        address = address_of(request._request)
        user = signin.sign_in(body.login_name, body.password, body.domain_name, address, door="rest")
        return _begin(user, request, address)

    @operation("Sign out", answer=Done, effect=Effect.ACTION)
    def delete(self, request: Request) -> Response:
        token = token_of(request)
        if token:
            tokens.revoke(token)
        response = Response(Done())
        response.delete_cookie(TOKEN_COOKIE, samesite="Strict")
        response.delete_cookie(OTHER_COOKIE, samesite="Strict")
        return response


class SendOtp(ApiView):
    @operation("Mail a one-time password", body=OtpSignIn, answer=YesNo, effect=Effect.ACTION, public=True)
    def post(self, request: Request, body: OtpSignIn) -> YesNo:
        """Answers the same for addresses that nobody has."""
        otp.send(body.email_address, address_of(request._request))
        return YesNo(status=True)


class VerifyOtp(ApiView):
    @operation("Sign in by mail", body=OtpSignIn, answer=SignedIn, effect=Effect.ACTION, public=True)
    def post(self, request: Request, body: OtpSignIn) -> Response:
        """`props.otp`: the six digits that were mailed, from the address that asked for them."""
        address = address_of(request._request)
        user = otp.verify(body.email_address, body.props.otp if body.props else None, address)
        return _begin(user, request, address)


class RefreshCookie(ApiView):
    @operation("Set the cookie again from the header", answer=Done, effect=Effect.ACTION)
    def post(self, request: Request) -> Response:
        response = Response(Done())
        token = token_of(request)
        if token:
            _set_cookie(response, request, TOKEN_COOKIE, token)
        return response


class Impersonation(ApiView):
    @operation("Act for another user", body=Impersonate, answer=Impersonating, effect=Effect.ACTION)
    def post(self, request: Request, body: Impersonate) -> Response:
        """For super administrators; the answer goes into `X-OS-IMPERSONATE-USER` beside their own token."""
        if not self.actor.is_super:
            raise Refused(ADMIN_RIGHTS_REQUIRED())
        if not body.login_name:
            raise Refused(rules.LOGIN_NAME_REQUIRED())
        rows = known_users().filter(login_name__iexact=body.login_name)
        rows = rows.filter(domain__name__iexact=body.domain_name) if body.domain_name else rows
        user = rows.order_by("pk").first()
        if user is None or user.login_name.startswith("$"):
            raise Refused(rules.NOT_FOUND(key=body.login_name))
        if not tokens.may_call(user):
            raise Refused(rules.INACTIVE(key=body.login_name))
        token = impersonation.token_for(user, self.actor.user_id)
        mail.impersonated(user, User.objects.get(pk=self.actor.user_id))
        response = Response(Impersonating(impersonate_user_token=token))
        _set_cookie(response, request, OTHER_COOKIE, token)
        return response

    @operation("Act for oneself again", answer=Impersonating, effect=Effect.ACTION)
    def delete(self, request: Request) -> Response:
        response = Response(Impersonating())
        response.delete_cookie(OTHER_COOKIE, samesite="Strict")
        return response


class Password(ApiView):
    @operation("Change a password", body=PasswordChange, answer=bool, effect=Effect.ACTION)
    def put(self, request: Request, body: PasswordChange) -> bool:
        """Other sessions of the user end. Errors: spec 01 §C.6."""
        passwords.change(body, self.actor, keep_token=token_of(request))
        return True


class ForgotPassword(ApiView):
    @operation("Mail a link", body=ForgottenPassword, answer=bool, effect=Effect.ACTION, public=True)
    def post(self, request: Request, body: ForgottenPassword) -> bool:
        """Answers `true` for accounts that do not exist, too."""
        passwords.forgotten(body)
        return True


class ResetPassword(ApiView):
    @operation("Choose a new password", body=NewPassword, answer=bool, effect=Effect.ACTION, public=True)
    def post(self, request: Request, body: NewPassword) -> bool:
        """Needs the token out of the mail, once; the user signs in afterwards."""
        passwords.reset(body)
        return True


def _begin(user: User, request: Request, address: str) -> Response:
    """The answer to right credentials: a session, or the way to a new password."""
    if signin.must_reset(user):
        return Response(SignedIn(reset_password_token=passwords.reset_token(user)))
    token = tokens.issue(user, address, request.headers.get("User-Agent", ""))
    response = Response(_signed_in(user, token))
    _set_cookie(response, request, TOKEN_COOKIE, token)
    return response


def _signed_in(user: User, token: str) -> SignedIn:
    return SignedIn(
        id=user.pk,
        first_name=user.first_name,
        last_name=user.last_name,
        login_name=user.login_name,
        token=token,
        admin=user.type == User.Type.SUPER,
        institute_admin=user.type == User.Type.INSTITUTE,
    )


def _set_cookie(response: HttpResponse, request: Request, name: str, value: str) -> None:
    secure = request._request.is_secure() or settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, httponly=True, samesite="Strict", secure=secure)
