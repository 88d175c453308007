"""The body of a request, for the few handlers that want one; never more of it than they said."""

import asyncio
import json
from decimal import Decimal

from adserver.web.context import Context

READ_S = 10.0
"""How long a client may take to send its body."""


class BodyRefused(Exception):  # noqa: N818  it is an answer
    """Why the body can not be used: ``status`` of the answer, and words for people."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


async def read_body(context: Context, max_bytes: int) -> bytes:
    """All of it. Raises BodyRefused for one that is longer, comes too slowly, or breaks off."""
    told = context.head.text(b"content-length")
    if told.isdigit() and int(told[:20]) > max_bytes:
        raise BodyRefused(413, f"The body has {told[:20]} bytes; at most {max_bytes} are read.")
    try:
        async with asyncio.timeout(READ_S):
            return await _read(context, max_bytes)
    except TimeoutError:
        raise BodyRefused(408, f"The body did not come within {READ_S:.0f} seconds.") from None


async def _read(context: Context, max_bytes: int) -> bytes:
    body = b""
    while context.receive is not None:
        message = await context.receive()
        if message["type"] != "http.request":
            raise BodyRefused(400, "The body broke off.")
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise BodyRefused(413, f"The body has more than {max_bytes} bytes.")
        if not message.get("more_body"):
            break
    return body


def read_json(body: bytes) -> object:
    """The JSON text (RFC 8259), its numbers as exact ``Decimal``. Raises BodyRefused, also for a name that comes twice
    in one object, for which the format has no meaning."""
    try:
        return json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_int=Decimal,
            parse_constant=_no_number,
            object_pairs_hook=_each_once,
        )
    except UnicodeDecodeError:
        raise BodyRefused(400, "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BodyRefused(400, f"The body is no JSON: line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise BodyRefused(400, "The body is nested too deeply.") from None
    except ArithmeticError:
        raise BodyRefused(400, "The body has a number that is too long.") from None


def _no_number(text: str) -> object:
    raise BodyRefused(400, f"The body is no JSON: {text} is no number.")


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BodyRefused(400, "The body has one name twice.")
    return found
