"""A visitor did something in a shop: one request of the pixel, the tag or an image."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from adserver.collect.page import is_foreign
from adserver.collect.parse import parse_event
from adserver.model.account import ConsentDefault
from adserver.model.consent import Judgement, judge, may_store
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.hit import Hit
from adserver.model.product import Product
from adserver.model.reason import EventReason
from adserver.service.count_conversions import conversion_records, value_of
from adserver.service.live import Live
from adserver.storage.interfaces import CatalogReader, EventLog, SpoolFull, StoreUnavailable, VisitorStore
from adserver.telemetry import EVENT_REJECTIONS, EVENTS, HotCounter
from adserver.tracking.visitor import VisitorCookies

_PURCHASE = EventName.PURCHASE  # by its enumeration it is found by a function of Python's, each time
_KEPT = {name: HotCounter(EVENTS.labels(name)) for name in EventName}
_LOOK_UP_S = 0.1
"""For so long an event waits for the products that a rule asks about; without them it counts for no such rule."""

_REJECTED = {reason: HotCounter(EVENT_REJECTIONS.labels(reason.label)) for reason in EventReason}


class Recorded(NamedTuple):
    """``reason`` is None when the event was kept; ``cookie`` is a value to set, or empty."""

    reason: EventReason | None
    cookie: str = ""


_NOTHING_MORE = Recorded(None)


class RecordEvent:
    """``is_refused`` tells by the user agent who is no visitor; ``mint_visitor`` makes a new random visitor id (22
    characters of base64url)."""

    def __init__(
        self,
        live: Live,
        visitors: VisitorStore,
        log: EventLog,
        cookies: VisitorCookies,
        *,
        catalogs: CatalogReader,
        consent_default: ConsentDefault,
        is_refused: Callable[[str], bool],
        mint_visitor: Callable[[], str],
    ) -> None:
        self._live = live
        self._visitors = visitors
        self._log = log
        self._cookies = cookies
        self._catalogs = catalogs
        self._consent_default = consent_default
        self._is_refused = is_refused
        self._mint_visitor = mint_visitor

    async def __call__(self, hit: Hit) -> Recorded:
        """Keep the event or say why not. When it returns without a reason, Valkey has acknowledged the event, or it is
        on disk and Valkey gets it later."""
        judgement = judge(hit.signals)
        event = self._examine(hit, judgement)
        if not isinstance(event, Event):
            return _rejected(event)
        visitor = self._cookies.visitor_of(hit.claims)
        returning = visitor is not None
        if visitor is None:
            visitor = self._mint_visitor()
            if hit.claims:
                # A made-up cookie writes nothing; whoever holds one by accident is whole again with the next event.
                return _rejected(EventReason.FORGED_COOKIE, self._cookies.issue(visitor))
        rules = self._live.rules
        happened = await self._happened(event, hit.now) if rules.watches(event) else ()
        what = (event.advertiser.id, event.name._value_, "\n".join(event.products))
        record = ("event", int(hit.now), *what, visitor[:6], value_of(event))
        logged = self._log.append(record)
        recorded = self._visitors.record_event(
            visitor,
            event,
            hit.now,
            returning=returning,
            receipt=judgement.receipt,
            happened=happened,
            keep_s=rules.longest_s(event.advertiser.id),
        )
        try:
            try:
                await logged  # the later of the two: the other is done by then, without another turn of the loop
            finally:
                await recorded
        except SpoolFull:
            return _rejected(EventReason.SPOOL_FULL)
        except StoreUnavailable:
            return _rejected(EventReason.STORE_UNAVAILABLE)
        _KEPT[event.name].inc()
        if returning and event.name is _PURCHASE:
            await self._convert(visitor, event, hit.now)
        if returning and not hit.copy_only and self._cookies.is_current(hit.claims, visitor):
            return _NOTHING_MORE
        return Recorded(None, self._cookies.issue(visitor))

    async def _convert(self, visitor: str, event: Event, now: float) -> None:
        """What met this visitor before hears of the purchase: so it is known later what the ads have caused. Without
        Valkey nobody hears of it, in the control group as little as elsewhere."""
        names = self._live.measured.get(event.advertiser.id)
        if not names:
            return
        try:
            met = await self._visitors.converted(visitor, names, now)
        except StoreUnavailable:
            return
        self._log.note(conversion_records(met, event, int(now)))

    async def _happened(self, event: Event, now: float) -> Sequence[tuple[str, int]]:
        """The counters of rules that the event bumps, and how many times each keeps."""
        rules = self._live.rules
        products: Mapping[str, Product] = {}
        if event.products and rules.needs_products(event.advertiser.id, event.name):
            deadline = asyncio.get_running_loop().time() + _LOOK_UP_S
            try:
                products = await self._catalogs.products(event.advertiser.ref, event.products, deadline)
            except StoreUnavailable:
                products = {}
        return rules.counters(event, products, now)

    def refuse(self, reason: EventReason) -> EventReason:
        """Count a request that was refused before it could be read."""
        return _rejected(reason).reason or reason

    def _examine(self, hit: Hit, judgement: Judgement) -> Event | EventReason:
        """The event, if it may be kept at all."""
        snapshot = self._live.snapshot
        if snapshot is None:
            return EventReason.STARTING
        if hit.prefetch:
            return EventReason.PREFETCH
        if self._is_refused(hit.user_agent):
            return EventReason.BOT
        event = parse_event(hit.fields, snapshot.accounts.advertisers)
        if not isinstance(event, Event):
            return event
        if hit.page_hosts and is_foreign(hit.page_hosts, event.advertiser.domains):
            return EventReason.FOREIGN_PAGE
        if not may_store(judgement.verdict, event.advertiser.consent_default or self._consent_default):
            return EventReason.CONSENT
        return event


def _rejected(reason: EventReason, cookie: str = "") -> Recorded:
    _REJECTED[reason].inc()
    return Recorded(reason, cookie)
