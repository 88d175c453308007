"""An ad that somebody asks about afterwards: what the token of its impression still tells, and whose it was."""

from typing import NamedTuple

from adserver.model.account import Accounts, Advertiser
from adserver.model.consent import Verdict, judge
from adserver.model.hit import Hit
from adserver.model.profile import EPOCH
from adserver.service.live import Live
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import Token, TokenKind, Tokens
from adserver.tracking.trace import Trace, read_trace
from adserver.tracking.visitor import VisitorCookies


class ToldAd(NamedTuple):
    """An ad, as its token tells; ``decided_at`` in seconds since EPOCH."""

    token: Token
    trace: Trace
    decided_at: int
    advertiser: Advertiser
    accounts: Accounts


class ReadAd:
    """Tokens of impressions tell of their ads for as long as the clicks land (``told_for_s`` seconds from the decision,
    which was ``impression_s`` before they expire)."""

    def __init__(
        self,
        live: Live,
        *,
        tokens: Tokens,
        cookies: VisitorCookies,
        seal: VisitorSeal,
        impression_s: int,
        told_for_s: int,
    ) -> None:
        self._live = live
        self._tokens = tokens
        self._cookies = cookies
        self._seal = seal
        self._impression_s = impression_s
        self._told_for_s = told_for_s

    def __call__(self, text: str, now: float) -> ToldAd | None:
        """The ad; None for a token that is not ours or too old, or whose advertiser is gone."""
        token = self._tokens.read(text, TokenKind.IMPRESSION)
        snapshot = self._live.snapshot
        if token is None or snapshot is None or token.advertiser not in snapshot.accounts.advertisers:
            return None
        decided_at = token.expires - self._impression_s
        if not decided_at <= now + 60 or now > decided_at + self._told_for_s:
            return None
        try:
            trace = read_trace(token.trace)
        except ValueError:
            return None
        advertiser = snapshot.accounts.advertisers[token.advertiser]
        return ToldAd(token, trace, decided_at - EPOCH, advertiser, snapshot.accounts)

    def asker(self, hit: Hit) -> str:
        """The visitor whose browser asks, by its cookie; empty for nobody."""
        return self._cookies.visitor_of(hit.claims) or ""

    def owner(self, ad: ToldAd, hit: Hit) -> str:
        """Whose ad it was, where it is the visitor whose browser asks. The address of an ad's page stands in the
        publisher's page, so to know it proves nothing; an ad whose token has nobody sealed is anybody's own. Empty for
        all others, and where the browser objects to being known."""
        if judge(hit.signals).verdict is Verdict.REFUSED:
            return ""
        owners = self._seal.unseal(ad.token.sealed, ad.token.decision)
        if not owners:
            return self.asker(hit)
        askers = (self._cookies.visitor_of((claim,)) for claim in hit.claims)
        return next((asker for asker in askers if asker in owners), "")
