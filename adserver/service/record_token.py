"""An impression or a click: verified, counted once, answered in any case."""

from dataclasses import dataclass

from adserver.model.reason import TokenReason
from adserver.service.live import Live
from adserver.storage.interfaces import BillingStore, EventLog, StoreUnavailable
from adserver.telemetry import CLICKS, IMPRESSIONS, TOKEN_REJECTIONS
from adserver.tracking.landing import landing_location
from adserver.tracking.token import Token, TokenKind, Tokens


@dataclass(frozen=True, slots=True)
class Clicked:
    """``location`` is where the click lands, None for nowhere; ``reason`` is None when it was counted."""

    location: str | None
    reason: TokenReason | None


class Counter:
    """Counts what a token stands for, once, and writes it to the event log."""

    def __init__(self, billing: BillingStore, log: EventLog) -> None:
        self._billing = billing
        self._log = log

    async def count(self, token: Token, now: float, *, prefetch: bool) -> TokenReason | None:
        """None when it was counted now."""
        left = token.expires - int(now)
        if prefetch:
            return TokenReason.PREFETCH
        if left <= 0:
            return TokenReason.EXPIRED
        kind = token.kind.name.lower()
        try:
            if not await self._billing.bill(token.decision, f"{kind}:{token.product}", left + 1):
                return TokenReason.DUPLICATE
            await self._log.append([(kind, int(now), token.line_item, token.placement, "")])
        except StoreUnavailable:
            return TokenReason.STORE_UNAVAILABLE
        return None


class RecordImpression:
    """``/i/<token>``: the banner was rendered."""

    def __init__(self, tokens: Tokens, counter: Counter) -> None:
        self._tokens = tokens
        self._counter = counter

    async def __call__(self, text: str, now: float, *, prefetch: bool) -> TokenReason | None:
        """None when counted, else why not."""
        token = self._tokens.read(text, TokenKind.IMPRESSION)
        reason = await self._counter.count(token, now, prefetch=prefetch) if token else TokenReason.BAD_TOKEN
        if reason is None:
            IMPRESSIONS.inc()
        else:
            TOKEN_REJECTIONS.labels("impression", reason.label).inc()
        return reason


class RecordClick:
    """``/c/<token>``: the visitor goes to the product's page, counted or not."""

    def __init__(self, live: Live, tokens: Tokens, counter: Counter) -> None:
        self._live = live
        self._tokens = tokens
        self._counter = counter

    async def __call__(self, text: str, now: float, *, prefetch: bool) -> Clicked:
        """Where to, and whether it counted. Without our signature there is no way to anywhere."""
        token = self._tokens.read(text, TokenKind.CLICK)
        location = landing_location(token.url, self._domains(token)) if token else None
        if token is None or location is None:
            TOKEN_REJECTIONS.labels("click", TokenReason.BAD_TOKEN.label).inc()
            return Clicked(None, TokenReason.BAD_TOKEN)
        reason = await self._counter.count(token, now, prefetch=prefetch)
        if reason is None:
            CLICKS.inc()
        else:
            TOKEN_REJECTIONS.labels("click", reason.label).inc()
        return Clicked(location, reason)

    def _domains(self, token: Token) -> tuple[str, ...]:
        """Where this advertiser's clicks may land by now; nowhere once the advertiser is gone."""
        snapshot = self._live.snapshot
        advertiser = snapshot.accounts.advertisers.get(token.advertiser) if snapshot else None
        return advertiser.domains if advertiser else ()
