"""What a page gets to see of an answer: the links in a banner. What they stand for is signed inside them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from adserver.tracking.keyring import Keyring
from adserver.tracking.token import Token, TokenKind, Tokens

_LINK = re.compile(r"/([ic])/([\w.~-]+)")


class BadAnswer(Exception):  # noqa: N818  a state of the world
    """An answer that no server in order gives."""


@dataclass(frozen=True, slots=True)
class Banner:
    """An ad as it was answered. ``decided_at``: the second that the server has put into it, since 1970."""

    placement: str
    line_item: str
    creative: str
    decision: str
    decided_at: int
    products: tuple[str, ...]
    impression: str
    clicks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No ad, and why."""

    placement: str
    reason: str


class AnswerReader:
    """``secrets_in_use``: those of the server, so that its tokens can be read; ``impression_ttl_s``: how long they
    are good, so that the second of the decision can be told from when they end."""

    def __init__(self, secrets_in_use: Sequence[bytes], *, impression_ttl_s: int) -> None:
        self._tokens = Tokens(Keyring(secrets_in_use, "token"))
        self._impression_ttl_s = impression_ttl_s

    def page(self, body: bytes) -> list[Banner | Nothing]:
        """The answer to ``/ads``: an entry per slot. Raises BadAnswer."""
        try:
            return [self._entry(entry) for entry in orjson.loads(body)["ads"]]
        except (ValueError, KeyError, TypeError) as error:
            raise BadAnswer(f"not what /ads answers: {body[:200]!r}") from error

    def _entry(self, entry: dict[str, Any]) -> Banner | Nothing:
        if "html" not in entry:
            return Nothing(entry["placement"], entry["reason"])
        links = dict.fromkeys(_LINK.findall(entry["html"]))  # each once, in the order of the banner
        impressions = [text for kind, text in links if kind == "i"]
        clicks = [text for kind, text in links if kind == "c"]
        if len(impressions) != 1:
            raise BadAnswer(f"a banner in {entry['placement']} with {len(impressions)} impression links")
        token = self._read(impressions[0], TokenKind.IMPRESSION)
        products = [product for text in clicks if (product := self._read(text, TokenKind.CLICK).product)]
        return Banner(
            placement=token.placement,
            line_item=token.line_item,
            creative=token.creative,
            decision=token.decision,
            decided_at=token.expires - self._impression_ttl_s,
            products=tuple(products),
            impression=f"/i/{impressions[0]}",
            clicks=tuple(f"/c/{text}" for text in clicks),
        )

    def _read(self, text: str, kind: TokenKind) -> Token:
        token = self._tokens.read(text, kind)
        if token is None:
            raise BadAnswer(f"a link that this server has not signed: {text[:40]}")
        return token
