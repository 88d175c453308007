"""A slot on a partner site asks for an ad."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adserver.audience.interest import interests, newest_interest
from adserver.creative.creative import Creative
from adserver.decision.frequency import holds
from adserver.decision.index import Booking, PlacementEntry
from adserver.decision.rank import Interest, Rng, rank
from adserver.model.account import ConsentDefault, Status
from adserver.model.consent import Verdict, judge, may_store
from adserver.model.decision import Decision, NoAd
from adserver.model.domain import covers
from adserver.model.hit import Hit
from adserver.model.profile import EPOCH, Offer, Profile
from adserver.model.reason import NoAdReason
from adserver.service.count_ads import Answer, count_ad, count_no_ad, count_requests, records_of
from adserver.service.fill_ad import MAX_OFFERS, FillAd
from adserver.service.live import Live
from adserver.service.render_ad import Ad, RenderAd
from adserver.storage.interfaces import (
    CatalogReader,
    EventLog,
    StoreTimeout,
    StoreUnavailable,
    VisitorStore,
)
from adserver.tracking.visitor import VisitorCookies

MAX_PLACEMENTS = 20
"""Slots one request may ask for."""

_NOT_READ = Profile()


@dataclass(frozen=True, slots=True)
class AdRequest:
    """Placement ids as asked for; ``same_page``: only pages of the publisher itself may read the answer."""

    hit: Hit
    placements: Sequence[str]
    same_page: bool = False


class ServeAd:
    """``deadline_s`` bounds the wait for Valkey; ``is_refused`` tells by the user agent who is no visitor;
    ``mint_decision`` makes a new random decision id."""

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
        is_refused: Callable[[str], bool],
        mint_decision: Callable[[], str],
        rng: Rng,
    ) -> None:
        self._live = live
        self._visitors = visitors
        self._catalogs = catalogs
        self._log = log
        self._cookies = cookies
        self._fill = FillAd(catalogs, creatives, mint_decision)
        self._render = render
        self._consent_default = consent_default
        self._deadline_s = deadline_s
        self._is_refused = is_refused
        self._rng = rng

    async def __call__(self, request: AdRequest) -> list[Ad | NoAd]:
        """One answer per placement asked for, in that order. Requests and reasons are counted before it returns."""
        count_requests(len(request.placements))
        verdict = judge(request.hit.signals).verdict
        entries = [self._entry(placement, request, verdict) for placement in request.placements]
        deadline = asyncio.get_running_loop().time() + self._deadline_s
        try:
            decided = await self._decide_all(entries, request.hit, verdict, deadline)
        except StoreTimeout:
            decided = [self._give_up(entry, NoAdReason.DEADLINE) for entry in entries]
        except StoreUnavailable:
            decided = [self._give_up(entry, NoAdReason.STORE_UNAVAILABLE) for entry in entries]
        self._log.note(records_of(decided, int(request.hit.now)))
        return [self._finish(answer, request.hit) for answer in decided]

    def refuse(self, reason: NoAdReason) -> NoAdReason:
        """Count a request that was refused before it could be read."""
        count_requests(1)
        count_no_ad(reason)
        return reason

    def _entry(self, placement: str, request: AdRequest, verdict: Verdict) -> PlacementEntry | Answer:
        """The placement, if it may be filled for this visitor at all; else its answer."""
        if self._live.snapshot is None:
            return NoAd(placement, NoAdReason.STARTING)
        if self._is_refused(request.hit.user_agent):
            return NoAd(placement, NoAdReason.BOT)
        entry = self._live.index.placements.get(placement)
        if entry is None:
            return NoAd(placement, NoAdReason.UNKNOWN_PLACEMENT)
        origin = request.hit.origin_host
        if request.same_page and origin and not covers(entry.domains, origin):
            return NoAd(placement, NoAdReason.FOREIGN_PAGE)
        if entry.placement.status is Status.PAUSED:
            return NoAd(placement, NoAdReason.PLACEMENT_PAUSED)
        if verdict is Verdict.REFUSED:
            return self._give_up(entry, NoAdReason.CONSENT)
        return entry

    async def _decide_all(
        self, entries: Sequence[PlacementEntry | Answer], hit: Hit, verdict: Verdict, deadline: float
    ) -> list[Answer]:
        """An answer for each placement, from at most one read of the visitor."""
        if not any(isinstance(entry, PlacementEntry) for entry in entries):
            return [entry for entry in entries if not isinstance(entry, PlacementEntry)]
        visitor = self._cookies.visitor_of(hit.claims)
        if visitor is None:
            return [self._give_up(entry, NoAdReason.NO_VISITOR) for entry in entries]
        may_read = verdict is Verdict.GRANTED or self._may_read(entries, verdict)
        profile = await self._visitors.read_visitor(visitor, deadline) if may_read else _NOT_READ
        viewer = _Viewer(visitor, profile, verdict, int(hit.now), deadline)
        return [await self._decide(e, viewer) if isinstance(e, PlacementEntry) else e for e in entries]

    def _may_read(self, entries: Iterable[PlacementEntry | Answer], verdict: Verdict) -> bool:
        """Whether any advertiser that could be shown may use what is known of the visitor."""
        return any(
            self._is_permitted(booking, verdict)
            for entry in entries
            if isinstance(entry, PlacementEntry)
            for booking in (*entry.bookings, *entry.house)
        )

    async def _decide(self, entry: PlacementEntry, viewer: "_Viewer") -> Answer:
        if not entry.bookings:
            return await self._fall_back(entry, NoAdReason.NO_LINE_ITEM, viewer)
        permitted = [booking for booking in entry.bookings if self._is_permitted(booking, viewer.verdict)]
        if not permitted:
            return await self._fall_back(entry, NoAdReason.CONSENT, viewer)
        candidates = rank(permitted, _history(permitted, viewer.profile), self._rng)
        if not candidates:
            return await self._fall_back(entry, NoAdReason.NO_HISTORY, viewer)
        fresh = [candidate for candidate in candidates if self._is_fresh(candidate.booking, viewer.now)]
        if not fresh:
            return await self._fall_back(entry, NoAdReason.FEED_STALE, viewer)
        uncapped = [candidate for candidate in fresh if _is_uncapped(candidate.booking, viewer)]
        if not uncapped:
            return await self._fall_back(entry, NoAdReason.CAPPED, viewer)
        offers = await self._fill.offers(entry, uncapped, viewer.deadline)
        if not offers:
            return await self._fall_back(entry, NoAdReason.NO_PRODUCT, viewer)
        return await self._reserve(offers, viewer) or await self._fall_back(entry, NoAdReason.CAPPED, viewer)

    async def _fall_back(self, entry: PlacementEntry, reason: NoAdReason, viewer: "_Viewer") -> Answer:
        """A house ad whose caps hold for this visitor, or nothing; all house line items take turns."""
        bookings = [
            booking
            for booking in sorted(entry.house, key=lambda _: self._rng())
            if not booking.line_item.caps
            or (self._is_permitted(booking, viewer.verdict) and _is_uncapped(booking, viewer))
        ]
        offers = [self._fill.house_ad(entry, booking, reason) for booking in bookings[:MAX_OFFERS]]
        reserved = await self._reserve(offers, viewer) if offers else None
        return reserved or NoAd(entry.placement.id, reason)

    def _give_up(self, entry: PlacementEntry | Answer, reason: NoAdReason) -> Answer:
        """The same, for a placement that has no answer yet, where caps can not be looked at: a house ad without any."""
        if not isinstance(entry, PlacementEntry):
            return entry
        bookings = [booking for booking in entry.house if not booking.line_item.caps]
        if not bookings:
            return NoAd(entry.placement.id, reason)
        return self._fill.house_ad(entry, bookings[int(self._rng() * len(bookings))], reason)

    def _is_permitted(self, booking: Booking, verdict: Verdict) -> bool:
        return may_store(verdict, booking.advertiser.consent_default or self._consent_default)

    def _is_fresh(self, booking: Booking, now: int) -> bool:
        """Whether prices and stock are young enough to be shown; those whose age nobody knows are."""
        if not booking.max_age_s:
            return True
        checked_at = self._catalogs.checked_at(booking.advertiser.ref)
        return not checked_at or now - checked_at <= booking.max_age_s

    async def _reserve(self, offers: Sequence[Decision], viewer: "_Viewer") -> Decision | None:
        """The first offer whose caps still hold, counted."""
        if not offers[0].line_item.caps:
            return offers[0]
        asked = [Offer(offer.line_item.ref, offer.line_item.caps) for offer in offers]
        place = await self._visitors.reserve(viewer.visitor, asked, viewer.now, viewer.deadline)
        return offers[place] if place >= 0 else None

    def _finish(self, answer: Answer, hit: Hit) -> Ad | NoAd:
        if isinstance(answer, NoAd):
            count_no_ad(answer.reason)
            return answer
        count_ad(answer)
        return self._render(answer, hit.now)


class _Viewer(NamedTuple):
    """Who looks, as far as we know and may know, and until when (loop time) there is something to be shown."""

    visitor: str
    profile: Profile
    verdict: Verdict
    now: int
    deadline: float


def _history(bookings: Iterable[Booking], profile: Profile) -> dict[int, Interest]:
    refs = {booking.advertiser.ref for booking in bookings} & profile.shopping.keys()
    return {
        ref: Interest(interests(shopping), newest_interest(shopping))
        for ref in refs
        for shopping in (profile.shopping[ref],)
    }


def _is_uncapped(booking: Booking, viewer: _Viewer) -> bool:
    line_item = booking.line_item
    windows = viewer.profile.frequency.get(line_item.ref, ())
    return not line_item.caps or holds(line_item.caps, windows, viewer.now - EPOCH)
