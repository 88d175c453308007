"""A slot on a partner site asks for an ad."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from adserver.audience.interest import interests, newest_interest
from adserver.creative.creative import Creative
from adserver.decision.index import PlacementEntry
from adserver.decision.rank import Candidate, Interest, Rng, rank, showable
from adserver.model.account import ConsentDefault, Status
from adserver.model.consent import Verdict, may_store, weigh
from adserver.model.decision import Decision, NoAd
from adserver.model.domain import covers
from adserver.model.hit import Hit
from adserver.model.profile import Profile
from adserver.model.reason import NoAdReason
from adserver.service.live import Live
from adserver.service.render_ad import Ad, RenderAd
from adserver.storage.interfaces import CatalogReader, EventLog, LogRecord, StoreUnavailable, VisitorStore
from adserver.telemetry import AD_REQUESTS, ADS, NO_ADS
from adserver.tracking.visitor import VisitorCookies

MAX_PLACEMENTS = 20
"""Slots one request may ask for."""


_NO_ADS = {reason: NO_ADS.labels(reason.label) for reason in NoAdReason}
_NAMED_BY_CLIENT = {NoAdReason.UNKNOWN_PLACEMENT, NoAdReason.STARTING}


@dataclass(frozen=True, slots=True)
class AdRequest:
    """Placement ids as asked for; ``same_page``: only pages of the publisher itself may read the answer."""

    hit: Hit
    placements: Sequence[str]
    same_page: bool = False


class ServeAd:
    """``deadline_s`` bounds the wait for Valkey; ``mint_decision`` makes a new random decision id."""

    def __init__(
        self,
        live: Live,
        *,
        visitors: VisitorStore,
        catalogs: CatalogReader,
        log: EventLog,
        cookies: VisitorCookies,
        creatives: Mapping[str, Creative],
        render: RenderAd,
        consent_default: ConsentDefault,
        deadline_s: float,
        mint_decision: Callable[[], str],
        rng: Rng,
    ) -> None:
        self._live = live
        self._visitors = visitors
        self._catalogs = catalogs
        self._log = log
        self._cookies = cookies
        self._creatives = creatives
        self._render = render
        self._consent_default = consent_default
        self._deadline_s = deadline_s
        self._mint_decision = mint_decision
        self._rng = rng

    async def __call__(self, request: AdRequest) -> list[Ad | NoAd]:
        """One answer per placement asked for, in that order. Requests and reasons are counted before it returns."""
        AD_REQUESTS.inc(len(request.placements))
        now = int(request.hit.now)
        verdict = weigh(request.hit.signals)
        entries = [self._entry(placement, request, verdict) for placement in request.placements]
        decided: list[Decision | NoAd] | None = None
        try:
            async with asyncio.timeout(self._deadline_s):
                decided = await self._decide_all(entries, request.hit, verdict)
                await self._log.append(_records(decided, now))
        except TimeoutError:
            if decided is None:
                decided = [_give_up(entry, NoAdReason.DEADLINE) for entry in entries]
                self._log.note(_records(decided, now))
            # Else only the log is late: its write is under way, and the ad is ready.
        except StoreUnavailable:
            decided = [_give_up(entry, NoAdReason.STORE_UNAVAILABLE) for entry in entries]
        return [self._finish(answer, request.hit) for answer in decided]

    def refuse(self, reason: NoAdReason) -> NoAdReason:
        """Count a request that was refused before it could be read."""
        AD_REQUESTS.inc()
        _NO_ADS[reason].inc()
        return reason

    def _entry(self, placement: str, request: AdRequest, verdict: Verdict) -> PlacementEntry | NoAd:
        """The placement, if it may be filled for this visitor at all."""
        if self._live.snapshot is None:
            return NoAd(placement, NoAdReason.STARTING)
        entry = self._live.index.placements.get(placement)
        if entry is None:
            return NoAd(placement, NoAdReason.UNKNOWN_PLACEMENT)
        origin = request.hit.origin_host
        if request.same_page and origin and not covers(entry.domains, origin):
            return NoAd(placement, NoAdReason.FOREIGN_PAGE)
        if entry.placement.status is Status.PAUSED:
            return NoAd(placement, NoAdReason.PLACEMENT_PAUSED)
        if verdict is Verdict.REFUSED:
            return NoAd(placement, NoAdReason.CONSENT)
        return entry

    async def _decide_all(
        self, entries: Sequence[PlacementEntry | NoAd], hit: Hit, verdict: Verdict
    ) -> list[Decision | NoAd]:
        """A decision for each placement that may be filled, from one read of the visitor."""
        if all(isinstance(entry, NoAd) for entry in entries):
            return [entry for entry in entries if isinstance(entry, NoAd)]
        visitor = self._cookies.visitor_of(hit.claims)
        if visitor is None:
            return [_give_up(entry, NoAdReason.NO_VISITOR) for entry in entries]
        profile = await self._visitors.read_visitor(visitor)
        return [e if isinstance(e, NoAd) else await self._decide(e, profile, verdict) for e in entries]

    async def _decide(self, entry: PlacementEntry, profile: Profile, verdict: Verdict) -> Decision | NoAd:
        if not entry.bookings:
            return NoAd(entry.placement.id, NoAdReason.NO_LINE_ITEM)
        permitted = [
            booking
            for booking in entry.bookings
            if may_store(verdict, booking.advertiser.consent_default or self._consent_default)
        ]
        if not permitted:
            return NoAd(entry.placement.id, NoAdReason.CONSENT)
        history = {
            ref: Interest(interests(shopping), newest_interest(shopping)) for ref, shopping in profile.shopping.items()
        }
        candidates = rank(permitted, history, self._rng)
        if not candidates:
            return NoAd(entry.placement.id, NoAdReason.NO_HISTORY)
        for candidate in candidates:
            decision = await self._fill(entry, candidate)
            if decision is not None:
                return decision
        return NoAd(entry.placement.id, NoAdReason.NO_PRODUCT)

    async def _fill(self, entry: PlacementEntry, candidate: Candidate) -> Decision | None:
        """The first products that are still there and may be shown, as many as the creative has room for."""
        advertiser, line_item = candidate.booking.advertiser, candidate.booking.line_item
        creative = self._creatives[line_item.creative]
        catalog = await self._catalogs.products(advertiser.ref, candidate.products)
        live = (catalog[product_id] for product_id in candidate.products if product_id in catalog)
        fitting = (product for product in live if showable(product, advertiser.domains))
        products = tuple(islice(fitting, creative.max_products(entry.placement.size)))
        if len(products) < creative.min_products:
            return None
        return Decision(
            id=self._mint_decision(),
            placement=entry.placement,
            line_item=line_item,
            advertiser=advertiser,
            products=products,
        )

    def _finish(self, answer: Decision | NoAd, hit: Hit) -> Ad | NoAd:
        if isinstance(answer, NoAd):
            _NO_ADS[answer.reason].inc()
            return answer
        ADS.inc()
        return self._render(answer, hit.now)


def _give_up(entry: PlacementEntry | NoAd, reason: NoAdReason) -> NoAd:
    """``reason`` for a placement that has no other yet."""
    return entry if isinstance(entry, NoAd) else NoAd(entry.placement.id, reason)


def _records(answers: Sequence[Decision | NoAd], now: int) -> list[LogRecord]:
    """What the reports need to know; placements not known to exist are left out, else clients would name rows."""
    return [
        ("ad", now, "", answer.placement, answer.reason.label)
        if isinstance(answer, NoAd)
        else ("ad", now, answer.line_item.id, answer.placement.id, "")
        for answer in answers
        if not (isinstance(answer, NoAd) and answer.reason in _NAMED_BY_CLIENT)
    ]
