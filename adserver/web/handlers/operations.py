"""``/healthz``, ``/readyz``, ``/metrics``: for the operator."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from ipaddress import ip_address

from adserver.service.access import CheckKey
from adserver.telemetry import exposition
from adserver.web.context import Context
from adserver.web.responses import Answer, json, method_not_allowed, text

_METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


async def healthz(context: Context) -> Answer:
    """The process answers."""
    return text(200, "ok") if context.method == "GET" else method_not_allowed()


@dataclass(frozen=True, slots=True)
class Readiness:
    """What stands in the way, in words (nothing: ready); the revision of the accounts and the number of catalog
    swaps that this worker has seen."""

    problems: list[str]
    revision: int
    swaps: int


class ReadyzHandler:
    """200 while events can be kept and ads be decided, else 503 with the reasons in words."""

    def __init__(self, readiness: Callable[[], Awaitable[Readiness]]) -> None:
        self._readiness = readiness

    async def __call__(self, context: Context) -> Answer:
        """Ready or not."""
        if context.method != "GET":
            return method_not_allowed()
        now = await self._readiness()
        return json({"ready": not now.problems, **asdict(now)}, 503 if now.problems else 200)


class MetricsHandler:
    """With a token or an operator's API key; without either only to this machine itself, and not through a proxy."""

    def __init__(self, token: str, check_key: CheckKey) -> None:
        self._token = token
        self._check_key = check_key

    async def __call__(self, context: Context) -> Answer:
        """All metrics of all workers."""
        if context.method != "GET":
            return method_not_allowed()
        if not self._may_read(context):
            return text(401, "A bearer token is needed here", [(b"www-authenticate", b"Bearer")])
        body = exposition()
        headers = [
            (b"content-type", _METRICS_TYPE),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        return Answer(200, headers, body)

    def _may_read(self, context: Context) -> bool:
        scheme, _, given = context.head.text(b"authorization").partition(" ")
        if scheme.lower() == "bearer" and given:
            known = bool(self._token) and hmac.compare_digest(given.encode(), self._token.encode())
            return known or self._check_key.is_operator(given)
        forwarded = b"x-forwarded-for" in context.head.headers or b"forwarded" in context.head.headers
        return not self._token and not forwarded and _is_local(context.peer)


def _is_local(peer: str) -> bool:
    try:
        return not peer or ip_address(peer).is_loopback
    except ValueError:
        return False
