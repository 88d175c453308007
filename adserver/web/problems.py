"""What is wrong with a request of the API, in words and as data (RFC 9457)."""

from collections.abc import Sequence

from adserver.web.responses import Answer, Headers, json

CHALLENGE: Headers = [(b"www-authenticate", b"Bearer")]
BAD_KEY: Headers = [(b"www-authenticate", b'Bearer error="invalid_token"')]

_TITLES = {
    400: "The body can not be read",
    401: "An API key is needed",
    403: "This key opens another account",
    404: "Not found",
    405: "Method not allowed",
    408: "The body came too late",
    413: "The body is too long",
    415: "The body is of another type",
    422: "What the body says can not be done",
    429: "Too many requests",
    503: "Not available at the moment",
}


def problem(status: int, detail: str, extra: Headers | None = None, errors: Sequence[object] = ()) -> Answer:
    """Problem details (RFC 9457)."""
    told: dict[str, object] = {"title": _TITLES[status], "status": status, "detail": detail}
    if errors:
        told["errors"] = errors
    return json(told, status, extra, b"application/problem+json")
