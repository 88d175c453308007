"""How many visitors are in segments, and in two of them at once: counted over all profiles, or over a sample."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from adserver.audience.estimate import Answer, Question, both, in_segment, is_counted, on_rung
from adserver.audience.ladder import DAY_S
from adserver.audience.rules import Rules, every_happened, happening_of
from adserver.model.account import Accounts, Advertiser
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Profile
from adserver.model.segment import Rung

ACTIVE_DAYS = 30
"""Who was at the advertiser within so many days is active."""

SMALLEST = 100
"""A segment with fewer active members tells too much about each of them, and too little about an ad."""

Products = Callable[[int, Collection[str]], Awaitable[Mapping[str, Product]]]
"""(advertiser ref, product ids) -> those that its catalog has."""


class SampleOfVisitors(Protocol):
    """Visitors who are looked at, of all that there are."""

    @property
    def keys(self) -> Sequence[bytes]:
        """Those looked at."""

    @property
    def total(self) -> int:
        """All that there are."""


class Asked(NamedTuple):
    """A segment whose size is asked for. ``uncounted``: events that its rule asks for and that nobody has counted so
    far; ``needs_products``: whether the catalog has to be asked about them."""

    name: str
    advertiser: Advertiser
    holds: Question
    uncounted: tuple[str, ...] = ()
    needs_products: bool = False


@dataclass(slots=True)
class Size:
    """``members`` for certain, ``active`` ones among them, and ``unknown``: those of whom it is not known."""

    members: int = 0
    active: int = 0
    unknown: int = 0

    def count(self, answer: Answer, is_active: bool) -> None:
        """One more visitor."""
        self.members += answer is True
        self.active += answer is True and is_active
        self.unknown += answer is None


@dataclass(slots=True)
class Sizes:
    """``looked_at`` of ``total`` visitors; ``of`` each segment in the order asked for; ``both``: in the first two."""

    total: int
    of: list[Size]
    looked_at: int = 0
    both: Size = field(default_factory=Size)


def ask(accounts: Accounts, advertiser: Advertiser, name: str, applied: Rules) -> Asked | None:
    """The rung ``name``, or the segment of that id; None where this advertiser has neither."""
    if name in set(Rung):
        return Asked(name, advertiser, on_rung(Rung(name), advertiser))
    segment = accounts.segments.get(name)
    if segment is None or segment.advertiser != advertiser.id:
        return None
    missing = [h for h in every_happened(segment.rule) if not is_counted(h, advertiser, accounts, applied)]
    return Asked(
        name,
        advertiser,
        in_segment(segment, advertiser, accounts, applied),
        tuple(dict.fromkeys(happened.event.value for happened in missing)),
        any(happening_of(happened, advertiser, accounts).needs_catalog for happened in missing),
    )


async def size_segments(
    asked: Sequence[Asked],
    sample: SampleOfVisitors,
    profiles: AsyncIterator[Sequence[Profile]],
    products: Products,
    now: int,
) -> Sizes:
    """Ask every one of ``asked`` (at least one) about every profile, at ``now`` (seconds since 1970)."""
    sizes = Sizes(sample.total, [Size() for _ in asked])
    known: dict[int, dict[str, Product]] = {}
    wanted = {one.advertiser.ref for one in asked if one.needs_products}
    async for bite in profiles:
        for ref in wanted:
            await _learn(bite, ref, known.setdefault(ref, {}), products)
        for profile in bite:
            sizes.looked_at += 1
            answers = [one.holds(profile, now, known.get(one.advertiser.ref, {})) for one in asked]
            active = [_is_active(profile, one.advertiser.ref, now) for one in asked]
            for size, answer, is_active in zip(sizes.of, answers, active, strict=True):
                size.count(answer, is_active)
            if len(asked) > 1:
                sizes.both.count(both(answers[0], answers[1]), active[0] and active[1])
    return sizes


async def _learn(bite: Sequence[Profile], ref: int, known: dict[str, Product], products: Products) -> None:
    """Look up what these visitors viewed, carted and bought and was not looked up before."""
    shops = [profile.shopping[ref] for profile in bite if ref in profile.shopping]
    ids = {product for shop in shops for kept in (shop.viewed, shop.carted, shop.bought) for product in kept}
    missing = ids - known.keys() - {""}
    if missing:
        known.update(await products(ref, sorted(missing)))


def _is_active(profile: Profile, ref: int, now: int) -> bool:
    shopping = profile.shopping.get(ref)
    return shopping is not None and shopping.seen_at >= now - EPOCH - ACTIVE_DAYS * DAY_S
