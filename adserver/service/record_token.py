"""An impression or a click: verified, counted once, answered in any case."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from adserver.model.reason import TokenReason
from adserver.service.charge_token import ChargeToken
from adserver.service.live import Live
from adserver.service.tell_visitor import TellVisitor
from adserver.storage.interfaces import BillingStore, StoreUnavailable
from adserver.telemetry import CLICKS, IMPRESSIONS, TOKEN_REJECTIONS, HotCounter
from adserver.tracking.landing import landing_location
from adserver.tracking.token import Token, TokenKind, Tokens

_IMPRESSIONS, _CLICKS = HotCounter(IMPRESSIONS), HotCounter(CLICKS)
_REJECTED = {
    (kind, reason): HotCounter(TOKEN_REJECTIONS.labels(kind.name.lower(), reason.label))
    for kind in TokenKind
    for reason in TokenReason
}


@dataclass(frozen=True, slots=True)
class Clicked:
    """``location`` is where the click lands, None for nowhere; ``reason`` is None when it was counted."""

    location: str | None
    reason: TokenReason | None


class Asker(NamedTuple):
    """Who follows a link or loads an image: ``prefetch`` is nobody yet; ``claims`` are the values of the visitor's
    cookies, unverified, none where the browser objects to being known."""

    prefetch: bool
    user_agent: str
    claims: tuple[str, ...] = ()


class Counter:
    """Counts what a token stands for, once. ``is_refused`` tells by the user agent who
    is no visitor."""

    def __init__(self, billing: BillingStore, charge: ChargeToken, is_refused: Callable[[str], bool]) -> None:
        self._billing = billing
        self._charge = charge
        self._is_refused = is_refused

    async def count(self, token: Token, now: float, asker: Asker, *, alone: bool = False) -> TokenReason | None:
        """None when it was counted now. ``alone``: nobody else has got the token, so nobody can bring it twice."""
        left = token.expires - int(now)
        if asker.prefetch:
            return TokenReason.PREFETCH
        if self._is_refused(asker.user_agent):
            return TokenReason.BOT
        if left <= 0:
            return TokenReason.EXPIRED
        kind = token.kind.name.lower()
        try:
            cost, pay = self._charge(token, now)
            record = (kind, int(now), token.line_item, token.placement, "", token.creative, cost)
            if alone:
                await self._billing.bill_alone(record, pay)
            elif not await self._billing.bill(token.decision, f"{kind}:{token.product}", left + 1, record, pay):
                return TokenReason.DUPLICATE
        except StoreUnavailable:
            return TokenReason.STORE_UNAVAILABLE
        return None


class RecordImpression:
    """``/i/<token>``: the banner was rendered."""

    def __init__(self, tokens: Tokens, counter: Counter, tell_visitor: TellVisitor) -> None:
        self._tokens = tokens
        self._counter = counter
        self._tell_visitor = tell_visitor

    async def __call__(self, text: str, now: float, asker: Asker, *, alone: bool = False) -> TokenReason | None:
        """None when counted, else why not. ``alone``: the token was never sent to anybody."""
        token = self._tokens.read(text, TokenKind.IMPRESSION)
        reason = await self._counter.count(token, now, asker, alone=alone) if token else TokenReason.BAD_TOKEN
        if token and reason is None:
            self._tell_visitor.seen(token)
            _IMPRESSIONS.inc()
        elif reason is not None:
            _REJECTED[TokenKind.IMPRESSION, reason].inc()
        return reason


class RecordClick:
    """``/c/<token>``: the visitor goes to the product's page, counted or not."""

    def __init__(self, live: Live, tokens: Tokens, counter: Counter, tell_visitor: TellVisitor) -> None:
        self._live = live
        self._tokens = tokens
        self._counter = counter
        self._tell_visitor = tell_visitor

    async def __call__(self, text: str, now: float, asker: Asker) -> Clicked:
        """Where to, and whether it counted. Without our signature there is no way to anywhere."""
        token = self._tokens.read(text, TokenKind.CLICK)
        location = landing_location(token.url, self._domains(token)) if token else None
        if token is None or location is None:
            _REJECTED[TokenKind.CLICK, TokenReason.BAD_TOKEN].inc()
            return Clicked(None, TokenReason.BAD_TOKEN)
        reason = await self._counter.count(token, now, asker)
        if reason is None:
            self._tell_visitor.clicked(token, asker.claims)
            _CLICKS.inc()
        else:
            _REJECTED[TokenKind.CLICK, reason].inc()
        return Clicked(location, reason)

    def _domains(self, token: Token) -> tuple[str, ...]:
        """Where this advertiser's clicks may land by now; nowhere once the advertiser is gone."""
        snapshot = self._live.snapshot
        advertiser = snapshot.accounts.advertisers.get(token.advertiser) if snapshot else None
        return advertiser.domains if advertiser else ()
