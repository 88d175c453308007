"""What a request for an ad would be answered, and why: the decision once more, but nothing is counted or paid."""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from adserver.decision.explain import CHOSEN, Explained, explain
from adserver.decision.frequency import cap_reason
from adserver.decision.index import Booking, PlacementEntry
from adserver.decision.shortlist import prospects, shortlist
from adserver.decision.value import Rng, designs_of
from adserver.decision.viewer import Viewer
from adserver.model.account import NoHistory
from adserver.model.consent import Verdict, judge
from adserver.model.hit import Hit
from adserver.model.profile import EPOCH, Profile
from adserver.model.reason import LineItemReason, NoAdReason
from adserver.model.snapshot import Snapshot
from adserver.model.status import Status
from adserver.service.decide_ad import STRANGER
from adserver.service.explanation import Explanation, NotExplained, Shown
from adserver.service.fill_ad import FillAd, Filled
from adserver.service.live import Live
from adserver.service.look import Sight
from adserver.storage.interfaces import StoreUnavailable, VisitorStore
from adserver.tracking.visitor import VisitorCookies

MOST_FILLED = 50
"""Candidates whose products are looked for; behind them all are told to be outranked."""

NOBODY = "-" * 22
"""The visitor that a made-up profile is of."""


Look = Callable[[Booking, float], Awaitable[LineItemReason | None]]
"""Why there would be no money for one more ad at a time (seconds since 1970), as ``Purse.look`` tells."""


class _Choice(NamedTuple):
    """The line item that would be shown, with its products; or why none, and what house ads take turns instead."""

    booking: Booking | None = None
    filled: Filled | None = None
    ghost: bool = False
    reason: NoAdReason | None = None
    instead: tuple[str, ...] = ()


class ExplainAd:
    """``deadline_s`` bounds the wait for Valkey: nobody's page waits for it."""

    def __init__(
        self,
        live: Live,
        *,
        sight: Sight,
        fill: FillAd,
        look: Look,
        visitors: VisitorStore,
        cookies: VisitorCookies,
        creative_sizes: Mapping[str, frozenset[str]],
        rng: Rng,
        deadline_s: float = 2.0,
    ) -> None:
        self._live = live
        self._sight = sight
        self._fill = fill
        self._look = look
        self._visitors = visitors
        self._creative_sizes = creative_sizes
        self._cookies = cookies
        self._rng = rng
        self._deadline_s = deadline_s

    async def __call__(
        self, placement: str, hit: Hit, visitor: str = "", *, made_up: Profile | None = None, segment: str = ""
    ) -> Explanation | NotExplained:
        """What ``hit`` would be answered; with ``visitor`` (an id, or the value of a cookie) as if that one had sent
        it, with ``made_up`` as if somebody had who has this profile, and is in ``segment``."""
        snapshot = self._live.snapshot
        entry = self._live.index.placements.get(placement)
        if snapshot is None or entry is None:
            return NotExplained.UNKNOWN_PLACEMENT
        who = (self._cookies.visitor_of((visitor,)) or visitor) if visitor else self._cookies.visitor_of(hit.claims)
        verdict = judge(hit.signals).verdict
        known = who if who and verdict is not Verdict.REFUSED else ""
        known = NOBODY if made_up is not None else known
        deadline = get_running_loop().time() + self._deadline_s
        try:
            profile = made_up or (await self._read(known, hit, deadline) if known else Profile())
            viewer = self._sight.viewer(entry, hit, verdict, known, profile)
            if segment:
                viewer = viewer._replace(is_member=lambda asked: asked == segment)
            return await self._explain(snapshot, entry, viewer, verdict, deadline)
        except StoreUnavailable:
            return NotExplained.UNAVAILABLE

    async def _read(self, visitor: str, hit: Hit, deadline: float) -> Profile:
        return await self._visitors.read_visitor(visitor, int(hit.now), deadline, returning=False)

    async def _explain(
        self, snapshot: Snapshot, entry: PlacementEntry, viewer: Viewer, verdict: Verdict, deadline: float
    ) -> Explanation:
        later: dict[int, LineItemReason] = {}
        choice = await self._choose(entry, viewer, verdict, later, deadline)
        chosen, filled = choice.booking, choice.filled
        told = explain(
            snapshot.accounts,
            entry.placement,
            viewer,
            creative_sizes=self._creative_sizes,
            rates=self._live.rates,
            rng=self._rng,
            later=later,
            chosen=chosen.line_item.ref if chosen else 0,
        )
        paused = entry.placement.status is Status.PAUSED
        return Explanation(
            placement=entry.placement.id,
            line_item=chosen.line_item.id if chosen else "",
            ghost=choice.ghost,
            reason=NoAdReason.PLACEMENT_PAUSED if paused else choice.reason,
            instead=choice.instead,
            products=tuple(map(Shown, filled.products, filled.why)) if filled else (),
            designs=designs_of(chosen, self._live.rates) if chosen else (),
            rungs={
                a.id: viewer.rungs[a.ref].value for a in snapshot.accounts.advertisers.values() if a.ref in viewer.rungs
            },
            told=[_held_back(row) for row in told] if choice.ghost else told,
            offer=filled.offer if filled else None,
            hidden={
                a.id: tuple(sorted(names))
                for a in snapshot.accounts.advertisers.values()
                if (names := viewer.profile.hidden.get(a.ref))
            },
        )

    async def _choose(
        self,
        entry: PlacementEntry,
        viewer: Viewer,
        verdict: Verdict,
        later: dict[int, LineItemReason],
        deadline: float,
    ) -> _Choice:
        if not viewer.visitor:
            stranger = NoAdReason.CONSENT if verdict is Verdict.REFUSED else NoAdReason.NO_VISITOR
            return await self._instead(entry, stranger, viewer, deadline)
        listed = shortlist(entry, viewer, self._live.rates, self._rng)
        for tried, booking in enumerate(listed.candidates):
            if tried == MOST_FILLED:
                break
            ghost = self._live.assigner.is_ghost(viewer.visitor, booking.campaign)
            filled = await self._fill.fill(entry, booking, booking.designs[0], viewer, deadline)
            outcome = await self._paid(booking, filled, viewer, free=ghost)
            if not isinstance(outcome, LineItemReason):
                return _Choice(booking, outcome, ghost, NoAdReason.HOLDOUT if ghost else None)
            later[booking.line_item.ref] = outcome
            listed.note(booking, outcome)
        return await self._instead(entry, listed.reason or NoAdReason.NO_LINE_ITEM, viewer, deadline)

    async def _paid(
        self, booking: Booking, filled: Filled | LineItemReason, viewer: Viewer, *, free: bool = False
    ) -> Filled | LineItemReason:
        """What was found, if there is money for it as well."""
        if free or isinstance(filled, LineItemReason):
            return filled
        return await self._look(booking, viewer.now) or filled

    async def _instead(self, entry: PlacementEntry, reason: NoAdReason, viewer: Viewer, deadline: float) -> _Choice:
        """Best sellers for somebody nothing is known of, or house ads, or nothing, as the placement says."""
        wanted = entry.placement.no_history if reason in STRANGER else NoHistory.HOUSE
        if wanted is NoHistory.BEST_SELLERS:
            for booking in prospects(entry, viewer, self._live.rates, self._rng).candidates:
                hidden = viewer.profile.hidden.get(booking.advertiser.ref, frozenset())
                design = booking.designs[0]
                best = await self._fill.best_sellers(entry, booking, design, viewer.now, deadline, hidden=hidden)
                outcome = await self._paid(booking, best, viewer)
                if not isinstance(outcome, LineItemReason):
                    return _Choice(booking, outcome, reason=reason)
        if wanted is NoHistory.PASSBACK:
            return _Choice(reason=reason)
        house = [item.line_item.id for item in entry.live(viewer.now).house if _may_stand_in(item, viewer)]
        return _Choice(reason=reason, instead=tuple(house))


def _may_stand_in(booking: Booking, viewer: Viewer) -> bool:
    if not booking.counts:
        return True
    capped = cap_reason(booking, viewer.profile.frequency, viewer.now - EPOCH)
    return viewer.has_consent(booking.advertiser) and capped is None


def _held_back(row: Explained) -> Explained:
    if row.reason != CHOSEN:
        return row
    return row._replace(reason=LineItemReason.HOLDOUT.label, number=int(LineItemReason.HOLDOUT))
