"""A slot on a partner site asks for an ad."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from adserver.decision.index import PlacementEntry
from adserver.decision.viewer import Viewer
from adserver.model.consent import Verdict, judge
from adserver.model.decision import Decision, NoAd
from adserver.model.domain import covers
from adserver.model.hit import Hit
from adserver.model.profile import Profile
from adserver.model.reason import NoAdReason
from adserver.model.status import Status
from adserver.service.click_macros import click_prefix
from adserver.service.count_ads import Answer, count_ad, count_no_ad, count_requests, records_of
from adserver.service.decide_ad import DecideAd
from adserver.service.live import Live
from adserver.service.look import Sight
from adserver.service.render_ad import Ad, AdData, RenderAd
from adserver.storage.interfaces import EventLog, StoreTimeout, StoreUnavailable, VisitorStore
from adserver.tracking.visitor import VisitorCookies

MAX_PLACEMENTS = 20
"""Slots one request may ask for."""

_NOT_READ = Profile()

# An enumeration looks its members up slowly.
_GRANTED, _REFUSED, _PAUSED = Verdict.GRANTED, Verdict.REFUSED, Status.PAUSED
_CONSENT, _NO_VISITOR = NoAdReason.CONSENT, NoAdReason.NO_VISITOR


class AdRequest(NamedTuple):
    """Placement ids as asked for; ``same_page``: only pages of the publisher itself may read the answer. ``click``:
    what is to stand before the links, as it was sent (``service.click_macros``)."""

    hit: Hit
    placements: Sequence[str]
    same_page: bool = False
    click: Sequence[str] = ()


class ServeAd:
    """``deadline_s`` bounds the wait for Valkey; ``is_refused`` tells by the user agent who is no visitor."""

    def __init__(
        self,
        live: Live,
        *,
        sight: Sight,
        decide: DecideAd,
        visitors: VisitorStore,
        log: EventLog,
        cookies: VisitorCookies,
        render: RenderAd,
        deadline_s: float,
        is_refused: Callable[[str], bool],
    ) -> None:
        self._live = live
        self._sight = sight
        self._decide = decide
        self._visitors = visitors
        self._log = log
        self._cookies = cookies
        self._render = render
        self._deadline_s = deadline_s
        self._is_refused = is_refused

    async def __call__(self, request: AdRequest) -> list[Ad | NoAd]:
        """One answer per placement asked for, in that order. Requests and reasons are counted before it returns."""
        now = request.hit.now
        return [
            answer if isinstance(answer, NoAd) else self._render(answer, now, self._prefix(answer, request))
            for answer in await self._decided(request)
        ]

    async def data(self, request: AdRequest) -> list[AdData | NoAd]:
        """The same as data, for slots that do not take HTML."""
        now = request.hit.now
        return [
            answer if isinstance(answer, NoAd) else self._render.data(answer, now, self._prefix(answer, request))
            for answer in await self._decided(request)
        ]

    def visitor_of(self, hit: Hit) -> str:
        """Whose cookie it is; empty where there is none of ours, or where it must not be used."""
        return self._visitor(hit, judge(hit.signals).verdict)

    def is_elsewhere(self, placement: str, hit: Hit) -> bool:
        """Whether no page that has asked, as far as they are named, is one of the placement's publisher."""
        entry = self._live.index.placements.get(placement)
        return entry is None or not any(covers(entry.domains, host) for host in hit.page_hosts)

    def refuse(self, reason: NoAdReason) -> NoAdReason:
        """Count a request that was refused before it could be read."""
        count_requests(1)
        count_no_ad(reason)
        return reason

    async def _decided(self, request: AdRequest) -> list[Answer]:
        """Counted and told to the reports."""
        count_requests(len(request.placements))
        verdict = judge(request.hit.signals).verdict
        entries = [self._entry(placement, request, verdict) for placement in request.placements]
        decided = await self._decide_all(entries, request.hit, verdict)
        self._log.note(records_of(decided, int(request.hit.now)))
        for answer in decided:
            if isinstance(answer, NoAd):
                count_no_ad(answer.reason)
            else:
                count_ad(answer)
        return decided

    def _entry(self, placement: str, request: AdRequest, verdict: Verdict) -> PlacementEntry | Answer:
        """The placement, if it may be filled at all; else its answer."""
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
        if entry.placement.status is _PAUSED:
            return NoAd(placement, NoAdReason.PLACEMENT_PAUSED)
        return entry

    async def _decide_all(self, entries: Sequence[PlacementEntry | Answer], hit: Hit, verdict: Verdict) -> list[Answer]:
        """An answer for each placement, from at most one read of the visitor."""
        deadline = asyncio.get_running_loop().time() + self._deadline_s
        visitor = self._visitor(hit, verdict)
        wanted = [entry for entry in entries if isinstance(entry, PlacementEntry)]
        stranger = _CONSENT if verdict is _REFUSED else _NO_VISITOR
        trouble = None
        profile = _NOT_READ
        if visitor and self._may_read(wanted, verdict):
            try:
                profile = await self._visitors.read_visitor(visitor, int(hit.now), deadline)
            except StoreUnavailable as error:
                trouble = _reason(error)
        answers = []
        for entry in entries:
            if not isinstance(entry, PlacementEntry):
                answers.append(entry)
            elif trouble is not None:
                answers.append(self._decide.give_up(entry, trouble, int(hit.now)))
            else:
                viewer = self._sight.viewer(entry, hit, verdict, visitor, profile)
                answers.append(await self._decide_one(entry, viewer, deadline, stranger))
        return answers

    async def _decide_one(self, entry: PlacementEntry, viewer: Viewer, deadline: float, stranger: NoAdReason) -> Answer:
        try:
            if viewer.visitor:
                return await self._decide(entry, viewer, deadline)
            return await self._decide.fall_back(entry, stranger, viewer, deadline)
        except StoreUnavailable as error:
            return self._decide.give_up(entry, _reason(error), viewer.now)

    def _may_read(self, entries: Iterable[PlacementEntry], verdict: Verdict) -> bool:
        """Whether any advertiser that could be shown may use what is known of the visitor."""
        if verdict is _GRANTED:
            return any(entry.bookings or entry.house for entry in entries)
        return any(
            self._sight.has_consent(advertiser, verdict)
            for entry in entries
            for advertiser in (*entry.consents, *(booking.advertiser for booking in entry.house))
        )

    def _visitor(self, hit: Hit, verdict: Verdict) -> str:
        return "" if verdict is _REFUSED else self._cookies.visitor_of(hit.claims) or ""

    def _prefix(self, decision: Decision, request: AdRequest) -> str:
        """What stands before the ad's links; mostly nothing is asked for."""
        snapshot = self._live.snapshot
        if not request.click or snapshot is None:
            return ""
        publisher = snapshot.accounts.publishers.get(decision.placement.publisher)
        return click_prefix(request.click, publisher) if publisher else ""


def _reason(error: StoreUnavailable) -> NoAdReason:
    return NoAdReason.DEADLINE if isinstance(error, StoreTimeout) else NoAdReason.STORE_UNAVAILABLE
