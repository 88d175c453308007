"""An ad was decided, and nobody will ever see it: what it took is given back, and not only when it expires."""

from contextlib import suppress

from adserver.model.decision import Charge
from adserver.service.purse import Purse
from adserver.storage.interfaces import StoreUnavailable, VisitorStore
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import TokenKind, Tokens


class TakeBackAd:
    """For whoever has decided the ad and has shown its token to nobody."""

    def __init__(self, tokens: Tokens, *, seal: VisitorSeal, visitors: VisitorStore, purse: Purse) -> None:
        self._tokens = tokens
        self._seal = seal
        self._visitors = visitors
        self._purse = purse

    async def __call__(self, impression_token: str) -> None:
        """Money and caps. Without Valkey the caps come back when the ad expires, as of any ad that nobody sees."""
        token = self._tokens.read(impression_token, TokenKind.IMPRESSION)
        if token is None:
            return
        if token.lease:
            self._purse.put_back(int(token.lease.partition(".")[0]), Charge(token.lease, token.micros))
        with suppress(StoreUnavailable):
            for visitor in self._seal.unseal(token.sealed, token.decision):
                await self._visitors.unseen(visitor, token.decision)
