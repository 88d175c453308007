"""An ad was seen, or a product in it clicked: the visitor's own counters hear of it, and nobody waits for that."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any

from adserver.service.live import Live
from adserver.storage.interfaces import CatalogReader, StoreUnavailable, VisitorStore
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import Token
from adserver.tracking.visitor import VisitorCookies

LOOK_UP_S = 1.0
"""For so long a click waits for the product that it was on."""


class TellVisitor:
    """Without Valkey nothing happens: an ad that was not heard to be seen is given back, and may be shown once more.

    ``claims`` are the values of the visitor's cookies, unverified, none where the browser objects to being known.
    """

    def __init__(
        self, live: Live, visitors: VisitorStore, catalogs: CatalogReader, cookies: VisitorCookies, seal: VisitorSeal
    ) -> None:
        self._live = live
        self._visitors = visitors
        self._catalogs = catalogs
        self._cookies = cookies
        self._seal = seal
        self._under_way: set[asyncio.Task[None]] = set()

    def seen(self, token: Token) -> None:
        """What the ad of an impression token took of its visitor's caps stays taken. The token itself knows whose they
        are: not every frame that an ad stands in sends the cookie along."""
        for visitor in self._seal.unseal(token.sealed, token.decision) if token.sealed else ():
            self._start(self._seen(visitor, token))

    def clicked(self, token: Token, claims: Iterable[str]) -> None:
        """The visitor is not tired of the product of a click token."""
        if token.product and (visitor := self._visitor(token, claims)):
            self._start(self._clicked(visitor, token))

    def _visitor(self, token: Token, claims: Iterable[str]) -> str | None:
        """Whose cookie it is, where that advertiser's ads are counted."""
        if not claims or token.advertiser not in self._live.counting:
            return None
        return self._cookies.visitor_of(claims)

    def _start(self, telling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(telling)
        self._under_way.add(task)  # the loop itself would forget it
        task.add_done_callback(self._under_way.discard)

    async def _seen(self, visitor: str, token: Token) -> None:
        with suppress(StoreUnavailable):
            await self._visitors.seen(visitor, token.decision)

    async def _clicked(self, visitor: str, token: Token) -> None:
        snapshot = self._live.snapshot
        advertiser = snapshot.accounts.advertisers.get(token.advertiser) if snapshot else None
        if advertiser is None:
            return
        with suppress(StoreUnavailable):
            deadline = asyncio.get_running_loop().time() + LOOK_UP_S
            found = await self._catalogs.products(advertiser.ref, [token.product], deadline)
            product = found.get(token.product)
            group = (product.item_group_id if product else "") or token.product
            await self._visitors.clicked(visitor, advertiser.ref, group)
