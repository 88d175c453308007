"""Laws of the choice of products, whatever a visitor did and whatever the shop has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TypeVar

from hypothesis import event, given, settings
from hypothesis import strategies as st

from adserver.decision.choose import choose
from adserver.decision.index import Booking
from adserver.decision.product_counts import product_counts
from adserver.decision.purchases import DAY_S
from adserver.decision.wishes import wishes_of
from adserver.model.cap import Level
from adserver.model.line_item import ExcludePurchased, Fatigue, LineItem, PurchaseScope, Recommend
from adserver.model.product import MICROS, Availability, Product
from adserver.model.product_set import category_path
from adserver.model.profile import EPOCH, Shopping, Window, counter_of, fatigue_counter
from adserver.model.reason import LineItemReason
from adserver.service.fill_ad import Filled
from tests.choosing import NOW, REF, Catalog, Related, ago, booking, filled, viewer

CAP = (3, 7 * DAY_S)
IDS = [f"P{number}" for number in range(16)]
GROUPS = ["", "", "", "a", "b", "P3"]
NAMES = [*IDS, "a", "b", "gone"]

V = TypeVar("V")


@dataclass(frozen=True)
class World:
    """A shop, a visitor, a line item, and a design."""

    products: Sequence[Product]
    shopping: Shopping
    frequency: Mapping[str, tuple[Window, ...]]
    line_item: LineItem
    capped: bool
    bought: Mapping[str, Sequence[str]]
    viewed: Mapping[str, Sequence[str]]
    best: Sequence[str]
    room: int
    minimum: int
    hidden: frozenset[str] = frozenset()

    def shown(self) -> Filled | LineItemReason:
        related = Related(Catalog(self.products), self.bought, self.viewed, self.best)
        who = viewer(self.shopping, self.frequency, hidden=self.hidden)
        return filled(self.booking, who, related, room=self.room, minimum=self.minimum)

    @property
    def booking(self) -> Booking:
        return booking(self.line_item, [CAP] if self.capped else [])


def product(name: str, group: str, stock: bool, home: bool, category: str, prices: Sequence[int]) -> Product:
    history = tuple((NOW - 1_000 * (len(prices) - place), price * MICROS) for place, price in enumerate(prices))
    return Product(
        id=name,
        title=name,
        link=f"https://{'shop' if home else 'evil'}.test/{name}",
        image_link="",
        price=prices[-1] * MICROS,
        currency="EUR",
        availability=Availability.IN_STOCK if stock else Availability.OUT_OF_STOCK,
        item_group_id=group,
        category=category,
        history=history,
    )


def world_of(seed: int) -> World:
    """One of them. Out of a seed, as drawing each value by itself takes a hundred times as long."""
    dice = Random(seed)

    def some(most: int) -> list[str]:
        return dice.sample(NAMES, dice.randrange(most + 1))

    def age() -> int:
        return dice.choice([dice.randrange(40 * DAY_S), 30 * DAY_S + dice.randrange(-1, 2), dice.randrange(2 * DAY_S)])

    def done(most: int) -> dict[str, int]:
        names = some(most)
        ages = {age() for _ in range(2 * len(names) + 9)}  # no two at the same second
        return dict(zip(names, map(ago, dice.sample(sorted(ages), len(names))), strict=True))

    def counted(window_s: int) -> dict[str, tuple[Window, ...]]:
        return {name: (Window(window_s, ago(age()), dice.randrange(1, 6)),) for name in some(8)}

    viewed = done(len(NAMES))
    return World(
        products=[
            product(
                name,
                dice.choice(GROUPS),
                dice.random() < 0.8,
                dice.random() < 0.9,
                dice.choice(CATEGORIES),
                [dice.randrange(1, 9) for _ in range(dice.randrange(1, 4))],
            )
            for name in IDS
        ],
        shopping=Shopping(
            viewed, done(4), done(4), views={name: dice.randrange(2, 5) for name in viewed if dice.random() < 0.3}
        ),
        frequency={
            **{counter_of(Level.PRODUCT, REF, name): windows for name, windows in counted(CAP[1]).items()},
            **{fatigue_counter(REF, name): windows for name, windows in counted(30 * DAY_S).items()},
        },
        line_item=LineItem(
            id="item",
            campaign="summer",
            creative="tiles",
            ref=3,
            recommend=tuple(dice.sample(list(Recommend), dice.randrange(5))),
            fatigue=dice.choice([None, Fatigue(ads=3)]),
            exclude_purchased=ExcludePurchased(scope=dice.choice(SCOPES), days=dice.choice([1, 30])),
        ),
        capped=dice.random() < 0.5,
        bought={name: some(6) for name in some(8)},
        viewed={name: some(6) for name in some(8)},
        best=some(8),
        room=dice.randrange(1, 7),
        minimum=dice.randrange(1, 3),
        hidden=frozenset(some(5) if dice.random() < 0.5 else ()),
    )


CATEGORIES = ["", "Shoes", "Shoes > Boots", "shoes>boots", "Hats"]
SCOPES = [PurchaseScope.PRODUCT, PurchaseScope.CATEGORY, PurchaseScope.NONE]
SEEDS = st.integers(0, 2**32)


def shuffled(mapping: Mapping[str, V], seed: int) -> dict[str, V]:
    rows = list(mapping.items())
    Random(seed).shuffle(rows)
    return dict(rows)


def bought_lately(world: World) -> set[str]:
    since = ago(world.line_item.exclude_purchased.days * DAY_S)
    return {name for name, at in world.shopping.bought.items() if at >= since}


@settings(max_examples=400)
@given(SEEDS.map(world_of))
def test_what_is_shown_may_be_shown(world: World) -> None:
    found = world.shown()
    event(f"shown: {found.label if isinstance(found, LineItemReason) else len(found.products)}")
    if isinstance(found, LineItemReason):
        return
    assert world.minimum <= len(found.products) <= world.room
    assert len(found.why) == len(found.products)
    assert all(product.availability is Availability.IN_STOCK for product in found.products)
    assert all(product.link.startswith("https://shop.test/") for product in found.products)
    groups = [product.group for product in found.products]
    assert len(groups) == len(set(groups))
    if world.capped:
        limit, window_s = CAP
        for group in groups:
            for window in world.frequency.get(counter_of(Level.PRODUCT, REF, group), ()):
                assert window.count < limit or ago(0) >= window.started_at + window_s


@settings(max_examples=400)
@given(SEEDS.map(world_of))
def test_what_was_bought_is_never_shown_in_its_window(world: World) -> None:
    found, scope = world.shown(), world.line_item.exclude_purchased.scope
    if isinstance(found, LineItemReason) or scope is PurchaseScope.NONE:
        return
    bought = bought_lately(world)
    groups = {product.group for product in world.products if product.id in bought} | bought
    assert not groups & {product.group for product in found.products}
    if scope is PurchaseScope.CATEGORY:
        paths = {category_path(product.category) for product in world.products if product.id in bought} - {""}
        assert not paths & {category_path(product.category) for product in found.products}


@settings(max_examples=400)
@given(SEEDS.map(world_of), st.integers())
def test_the_same_inputs_show_the_same_in_whatever_order_they_come(world: World, seed: int) -> None:
    shopping = world.shopping
    other = replace(
        world,
        shopping=Shopping(
            viewed=shuffled(shopping.viewed, seed),
            carted=shuffled(shopping.carted, seed),
            bought=shuffled(shopping.bought, seed),
            views=shuffled(shopping.views, seed),
        ),
        frequency=shuffled(world.frequency, seed),
        bought=shuffled(world.bought, seed),
        viewed=shuffled(world.viewed, seed),
    )
    assert other.shown() == world.shown()
    assert world.shown() == world.shown()


@settings(max_examples=400)
@given(SEEDS.map(world_of))
def test_reading_the_first_products_tells_what_reading_all_does(world: World) -> None:
    wishes = wishes_of(world.shopping, world.line_item.exclude_purchased.days, NOW - EPOCH)
    catalog = {product.id: product for product in world.products}
    first = {name: catalog[name] for name in wishes.first if name in catalog}
    asked = partial(choose, world.booking, wishes, world.frequency, now=NOW, most=world.room, hidden=world.hidden)
    some = asked(first)
    everything = asked(catalog, further=True)
    if some.settled:
        assert some.places == everything.places
        assert some.gaps == everything.gaps
    else:
        assert some.room or world.room == len(some.places)


@settings(max_examples=400)
@given(SEEDS.map(world_of))
def test_only_what_is_recommended_by_the_line_item_is_recommended(world: World) -> None:
    found = replace(world, line_item=replace(world.line_item, recommend=())).shown()
    if isinstance(found, Filled):
        done_with = world.shopping.viewed.keys() | world.shopping.carted.keys()
        assert all({product.id, product.group} & done_with for product in found.products)


@settings(max_examples=400)
@given(SEEDS.map(world_of))
def test_what_was_hidden_is_never_shown(world: World) -> None:
    found = [world.shown()]
    related = Related(Catalog(world.products), world.bought, world.viewed, world.best, world.best)
    found.append(filled(world.booking, None, related, room=world.room, hidden=world.hidden))
    for one in found:
        if isinstance(one, Filled):
            assert not any({product.id, product.group} & world.hidden for product in one.products)
        event(f"hidden: {one is LineItemReason.HIDDEN}")


@settings(max_examples=400)
@given(SEEDS.map(world_of))
def test_hiding_takes_a_place_from_nothing_else(world: World) -> None:
    """What is shown without the wish, and was not hidden, is shown with it as well where nothing gives way."""
    plain = replace(world, frequency={}, shopping=world.shopping._replace(bought={}), minimum=1)
    before, after = replace(plain, hidden=frozenset()).shown(), plain.shown()
    if isinstance(before, Filled):
        left = {p.id for p in before.products if not {p.id, *_family(world, p)} & world.hidden}
        shown = {p.id for p in after.products} if isinstance(after, Filled) else set()
        assert left <= shown


def _family(world: World, one: Product) -> set[str]:
    """Ids of its group and the group's name: hiding one of them may hide them all."""
    return {one.group, *(p.id for p in world.products if p.group == one.group)}


@settings(max_examples=400)
@given(SEEDS.map(world_of))
def test_every_product_is_counted_once(world: World) -> None:
    found = world.shown()
    if isinstance(found, LineItemReason):
        return
    counts = product_counts(world.booking, found.products)
    names = [count.counter for count in counts]
    assert len(names) == len(set(names))
    assert len(names) == len(found.products) * (world.capped + (world.line_item.fatigue is not None))
    assert all(limit == CAP or limit[0] > 65_535 for count in counts for limit in count.limits)


@given(st.integers(1, 180), st.integers(-1, 1), st.sampled_from(IDS))
def test_a_purchase_matters_up_to_the_last_second_of_its_window(days: int, second: int, name: str) -> None:
    one = product(name, "", True, True, "", [1])
    item = LineItem(id="item", campaign="summer", creative="tiles", exclude_purchased=ExcludePurchased(days=days))
    at = ago(days * DAY_S + second)
    found = filled(booking(item), viewer(Shopping({name: at - 5}, bought={name: at}), {}), Related(Catalog([one])))
    assert isinstance(found, Filled) == (second > 0)
