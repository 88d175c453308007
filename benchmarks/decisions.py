"""What a decision costs, without the network and without Valkey: ``python -m benchmarks.decisions``.

A visitor with 10 or 50 products at several shops asks for an ad. Every line item that may run in the placement has caps
at three levels with windows that have begun, and a budget with money left. Measured from the visitor's profile to four
products: who is eligible, by which worth, in which design, and what is shown. The rows with four ads fill four, among
which Valkey would choose; in those with none nobody may pay, which is found last, so every line item is looked at to
the end. Processor time; the fastest of several repeats counts.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from timeit import Timer
from typing import Annotated

import typer
from rich.console import Console

from adserver.audience.ladder import rung_of
from adserver.decision.choose import choose
from adserver.decision.index import Booking, Index, PlacementEntry, build_index
from adserver.decision.product_counts import product_counts
from adserver.decision.shortlist import shortlist
from adserver.decision.value import draw_design
from adserver.decision.viewer import Viewer
from adserver.decision.wishes import wishes_of
from adserver.model.account import Accounts, Advertiser, Campaign, Placement, Publisher
from adserver.model.cap import Cap, Level
from adserver.model.line_item import Bid, BidModel, Budget, Device, LineItem
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Profile, Shopping, Window
from adserver.model.rates import Rates
from adserver.model.reason import LineItemReason
from adserver.service.pocket import Pocket
from adserver.service.purse import Purse

NOW = 1_800_000_000
SHOPS = 5
SIZES = {name: frozenset({"300x250", "728x90"}) for name in ("grid", "row", "tall")}
DAY = 86_400
MOST = 4


@dataclass(frozen=True, slots=True)
class Scene:
    """So many line items, of which ``fit`` may run in the placement; the goal is for a profile of ten products."""

    line_items: int
    fit: int
    goal_us: float


SCENES = (Scene(1, 1, 50), Scene(200, 20, 150), Scene(5_000, 200, 800))
PROFILES = (10, 50)


@dataclass(frozen=True, slots=True)
class Result:
    scene: Scene
    products: int
    offers: int
    us: float

    @property
    def goal_us(self) -> float:
        return self.scene.goal_us * (1 if self.products == PROFILES[0] else 2)


def accounts_of(scene: Scene) -> Accounts:
    """``fit`` of the line items name the placement or none; all others name another one."""
    shops = min(SHOPS, scene.fit)
    advertisers = {f"shop{i}": _advertiser(i) for i in range(shops)}
    campaigns = {
        f"campaign{i}": Campaign(id=f"campaign{i}", advertiser=f"shop{i}", caps=(Cap(30, 7 * DAY, Level.CAMPAIGN),))
        for i in range(shops)
    }
    return Accounts(
        advertisers=advertisers,
        campaigns=campaigns,
        line_items={f"item{i}": _line_item(i, i % shops, fits=i < scene.fit) for i in range(scene.line_items)},
        publishers={"daily": Publisher(id="daily", name="Daily", domains=("daily.test",))},
        placements={
            name: Placement(id=name, publisher="daily", size=size)
            for name, size in (("here", "300x250"), ("elsewhere", "728x90"))
        },
    )


def _advertiser(i: int) -> Advertiser:
    caps = (Cap(100, 7 * DAY, Level.ADVERTISER),)
    domains = (f"shop{i}.test",)
    return Advertiser(id=f"shop{i}", name="Shop", domains=domains, currency="EUR", locale="en", caps=caps, ref=i + 1)


def _line_item(i: int, campaign: int, *, fits: bool) -> LineItem:
    return LineItem(
        id=f"item{i}",
        campaign=f"campaign{campaign}",
        creative="grid",
        creatives=("row",) if i % 2 else (),
        priority=10 * (1 + i % 3),
        bid=Bid(model=BidModel.CPM if i % 2 else BidModel.CPC, amount=1_000_000 * (1 + i % 4)),
        budget=Budget(total=10**12, daily=10**10),
        caps=(Cap(6, 3_600), Cap(20, DAY), Cap(8, 7 * DAY, Level.PRODUCT)),
        min_gap_s=30,
        segment="product_viewer" if i % 4 else "",
        placements=() if fits and i % 2 else ("here",) if fits else ("elsewhere",),
        devices=(Device.DESKTOP, Device.PHONE) if i % 5 == 0 else (),
        ref=i + 1,
    )


def profile_of(products: int, entry: PlacementEntry, shops: int) -> Profile:
    """As many products at each of the shops; windows that have begun, as many as a visitor's key holds."""
    now = NOW - EPOCH
    ids = [f"SKU{i}" for i in range(products)]
    shopping = {
        shop + 1: Shopping(
            viewed={name: now - 600 * (1 + i) for i, name in enumerate(ids) if i % shops == shop},
            views={name: 2 for i, name in enumerate(ids) if i % shops == shop and i % 3 == 0},
        )
        for shop in range(shops)
    }
    counts = [count for booking in entry.bookings for count in booking.counts]
    frequency = {
        count.counter: tuple(Window(length, now - 40, 1) for _, length in count.limits if length > 40)
        for count in counts[:160]
    }
    return Profile(shopping, frequency)


def catalog_of(shop: int, products: int) -> dict[str, Product]:
    return {
        f"SKU{i}": Product(
            id=f"SKU{i}",
            title="A thing",
            link=f"https://shop{shop}.test/p/{i}",
            image_link=f"https://shop{shop}.test/i/{i}.jpg",
            price=19_900_000,
            currency="EUR",
        )
        for i in range(products)
    }


class Bench:
    """One scene and one visitor: calling it makes a decision."""

    def __init__(self, scene: Scene, products: int, offers: int) -> None:
        shops = min(SHOPS, scene.fit)
        self.index: Index = build_index(accounts_of(scene), SIZES)
        self.entry = self.index.placements["here"]
        self.offers = offers
        self.profile = profile_of(products, self.entry, shops)
        self.catalogs = {shop + 1: catalog_of(shop, products) for shop in range(shops)}
        self.rates = Rates()
        self.rng = random.Random(1).random
        self.can_pay = self._purse().check if offers else _nobody_pays

    def _purse(self) -> Purse:
        """With money for everybody. Nothing is asked of the store: checks are made from what the worker holds."""
        purse = Purse(_NoStore(), token_s=3_600, mint=lambda: "lease")  # type: ignore[arg-type]
        for booking in self.entry.bookings:
            pocket = purse.pockets[booking.line_item.ref] = Pocket(booking, NOW)
            pocket.left, pocket.use_until = 10**9, NOW + DAY
        return purse

    def __call__(self) -> Sequence[object]:
        listed = shortlist(self.entry, self._viewer(), self.rates, self.rng)
        offered = []
        for booking in listed.candidates:
            offered.append(self._fill(booking))
            if len(offered) == self.offers:
                break
        listed.passed_over(None)
        return offered

    def _viewer(self) -> Viewer:
        can_pay, shopping = self.can_pay, self.profile.shopping
        rungs = {ref: rung for ref in shopping if (rung := rung_of(shopping[ref], NOW, 30)) is not None}
        return Viewer(
            now=NOW,
            profile=self.profile,
            visitor="A" * 22,
            rungs=rungs,
            has_consent=lambda advertiser: True,
            is_member=lambda segment: False,
            is_listed=lambda ref, name: False,
            arm_of=lambda experiment: "",
            device=lambda: Device.DESKTOP,
            geo=frozenset,
            is_fresh=lambda booking: True,
            can_pay=lambda booking: can_pay(booking, NOW),
        )

    def _fill(self, booking: Booking) -> object:
        design = draw_design(booking, self.rates, self.rng)
        ref, now = booking.advertiser.ref, NOW - EPOCH
        wishes = wishes_of(self.profile.shopping[ref], booking.line_item.exclude_purchased.days, now)
        chosen = choose(booking, wishes, self.profile.frequency, self.catalogs[ref], now=NOW, most=MOST)
        return design, chosen, product_counts(booking, [place[0] for place in chosen.places])


def _nobody_pays(booking: Booking, now: float) -> LineItemReason:
    return LineItemReason.PACING


class _NoStore:
    """Stands where nothing is ever asked."""


def measure(seconds: float, repeats: int) -> list[Result]:
    results = []
    for scene in SCENES:
        for products in PROFILES:
            for offers in (1, 4, 0):
                if offers <= scene.fit:
                    us = _time(Bench(scene, products, offers), seconds, repeats)
                    results.append(Result(scene, products, offers, us))
    return results


def _time(bench: Bench, seconds: float, repeats: int) -> float:
    """Microseconds per call, without garbage collection."""
    timer = Timer(bench, timer=process_time)
    times = max(10, int(seconds / timer.timeit(20) * 20))
    return min(timer.repeat(repeats, times)) / times * 1e6


def show(results: Sequence[Result]) -> str:
    """A table in Markdown."""
    rows = [
        f"| {r.scene.line_items:,} | {r.scene.fit} | {r.products} | {r.offers} | {r.us:.1f} | {r.goal_us:.0f} |"
        for r in results
    ]
    head = ["| line items | of them fit | products known | ads filled | µs per decision | goal |"]
    return "\n".join([*head, "|---:|---:|---:|---:|---:|---:|", *rows])


def main(
    seconds: Annotated[float, typer.Option(help="How long each repeat takes.")] = 0.2,
    repeats: Annotated[int, typer.Option(help="Of which the fastest counts.")] = 7,
    out: Annotated[Path | None, typer.Option(help="A file to write the table to.")] = None,
) -> None:
    results = measure(seconds, repeats)
    Console().print(show(results), markup=False, highlight=False, soft_wrap=True)
    if out is not None:
        out.write_text(show(results) + "\n", "utf-8")
    if any(result.us > result.goal_us for result in results):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
