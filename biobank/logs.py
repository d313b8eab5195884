"""What a request leaves in the log: method, path, status and user, never a query string (it may name a patient)."""

from django.http import HttpRequest
from django_structlog.middlewares.request import RequestMiddleware


class RequestLog(RequestMiddleware):
    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"
