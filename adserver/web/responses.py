"""Answers, their constant parts encoded once."""

from dataclasses import dataclass, field
from functools import cache

import orjson

from adserver.model.reason import Reason

Headers = list[tuple[bytes, bytes]]

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""The 43-byte transparent GIF, 1 x 1 pixels (GIF89a)."""

NOSNIFF = (b"x-content-type-options", b"nosniff")
NO_STORE = (b"cache-control", b"private, no-store")
VARY = (b"vary", b"Cookie, Origin, Sec-GPC")
NOT_FRAMED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
CROSS_ORIGIN = (b"cross-origin-resource-policy", b"cross-origin")
_HTML = (b"content-type", b"text/html; charset=utf-8")
_GIF_HEADERS = [
    (b"content-type", b"image/gif"),
    (b"content-length", b"43"),
    NO_STORE,
    NOSNIFF,
    CROSS_ORIGIN,
]


@dataclass(slots=True)
class Answer:
    """A whole response, never changed; ``headers`` are lower-case and complete but for Date and Connection."""

    status: int
    headers: Headers
    body: bytes = b""
    _head: bytes = field(default=b"", repr=False, compare=False)

    @property
    def head(self) -> bytes:
        """The headers as they stand on the wire, encoded once. Raises ValueError for one that would end its line."""
        if not self._head:
            self._head = _encoded(self.headers)
        return self._head


def _encoded(headers: Headers) -> bytes:
    head = b"".join([b"%b: %b\r\n" % header for header in headers])
    lines = len(headers)
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise ValueError("a header holds a control character")
    return head


class Documents:
    """HTML that must not be cached, all with the same headers but for the length: these are encoded once. Raises
    ValueError for a header that would end its line."""

    __slots__ = ("_head", "_headers")

    def __init__(self, extra: Headers) -> None:
        self._headers = [_HTML, NO_STORE, NOSNIFF, *extra]
        self._head = _encoded(self._headers)

    def answer(self, body: bytes) -> Answer:
        """One of them."""
        length = b"%d" % len(body)
        headers = [*self._headers, (b"content-length", length)]
        return Answer(200, headers, body, b"%bcontent-length: %b\r\n" % (self._head, length))


def reason_header(reason: Reason | None) -> Headers:
    """``X-Adserver-Reason``, where there is one."""
    return [(b"x-adserver-reason", reason.label.encode())] if reason is not None else []


def gif(reason: Reason | None, extra: Headers | None = None) -> Answer:
    """The pixel's answer to everything."""
    return Answer(200, _GIF_HEADERS + reason_header(reason) + extra, GIF) if extra else _gif(reason)


@cache
def _gif(reason: Reason | None) -> Answer:
    return Answer(200, _GIF_HEADERS + reason_header(reason), GIF)


@cache
def no_content(reason: Reason) -> Answer:
    """No ad."""
    return Answer(204, [NO_STORE, NOSNIFF, VARY, *reason_header(reason)])


def html(body: bytes, extra: Headers) -> Answer:
    """A document that must not be cached."""
    return Answer(
        200,
        [
            _HTML,
            (b"content-length", str(len(body)).encode()),
            NO_STORE,
            NOSNIFF,
            *extra,
        ],
        body,
    )


def json(
    value: object, status: int = 200, extra: Headers | None = None, media_type: bytes = b"application/json"
) -> Answer:
    """JSON that must not be cached."""
    body = orjson.dumps(value)
    return Answer(
        status,
        [
            (b"content-type", media_type),
            (b"content-length", str(len(body)).encode()),
            NO_STORE,
            NOSNIFF,
            *(extra or []),
        ],
        body,
    )


def text(status: int, message: str, extra: Headers | None = None) -> Answer:
    """A short plain answer: errors, health."""
    body = (message + "\n").encode()
    return Answer(
        status,
        [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            NOSNIFF,
            NOT_FRAMED,
            *(extra or []),
        ],
        body,
    )


def method_not_allowed(allow: bytes = b"GET") -> Answer:
    """405, and what is allowed (RFC 9110 section 15.5.6)."""
    return text(405, "Method not allowed", [(b"allow", allow)])


def redirect(location: str, reason: Reason | None) -> Answer:
    """302 to a checked location that is plain ASCII."""
    return Answer(
        302,
        [
            (b"location", location.encode("ascii")),
            (b"content-length", b"0"),
            NO_STORE,
            NOSNIFF,
            (b"referrer-policy", b"strict-origin"),
            *reason_header(reason),
        ],
    )
