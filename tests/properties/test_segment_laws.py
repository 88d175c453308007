"""Rules against a second opinion: the whole history, read again for every question."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.audience.estimate import in_segment
from adserver.audience.rules import NO_RULES, compile_rules
from adserver.model.account import Accounts, Advertiser
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Shopping
from adserver.model.segment import Happened, Rule, Segment
from tests.visitor_model import CountedVisitor

NOW = 1_790_000_000
ACME = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE", ref=7)
WINDOWS = (60, 3_600, 86_400)
NAMES = (EventName.VIEW_ITEM, EventName.ADD_TO_CART, EventName.PURCHASE)
CATALOG = {
    name: Product(name, name, "https://shop.test", "", price, "EUR", category=category)
    for name, price, category in (("a", 10, "Shoes"), ("b", 20, "Shoes > Boots"), ("c", 30, "Hats"))
}

LEAVES = st.builds(
    Happened,
    event=st.sampled_from(NAMES),
    min_count=st.integers(1, 4),
    within_s=st.sampled_from((0, *WINDOWS)),
    min_value=st.sampled_from((None, 5)),
    max_value=st.sampled_from((None, 6)),
    products=st.sampled_from(((), ("a", "gone"))),
    category=st.sampled_from(("", "Shoes")),
    min_price=st.sampled_from((None, 15)),
)
RULES = st.recursive(
    st.builds(lambda leaf: Rule(happened=leaf), LEAVES),
    lambda parts: st.one_of(
        st.builds(lambda many: Rule(all=tuple(many)), st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda many: Rule(any=tuple(many)), st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda part: Rule(negated=part), parts),
    ),
    max_leaves=5,
)
EDGES = st.sampled_from([window + second for window in WINDOWS for second in (-1, 0, 1)])
EVENTS = st.lists(
    st.tuples(
        EDGES | st.integers(0, 100_000),
        st.sampled_from(NAMES),
        st.sampled_from((("a",), ("b",), ("c",), ("gone",), ("a", "c"))),
        st.sampled_from((None, 4, 5, 6, 7)),
    ),
    max_size=12,
)
History = Sequence[tuple[int, EventName, tuple[str, ...], int | None]]


def spaced(history: History) -> History:
    """Events of one product each, with time between them: a profile moves times of the same second apart."""
    kept: dict[int, tuple[int, EventName, tuple[str, ...], int | None]] = {}
    for ago, name, products, value in history:
        kept.setdefault(ago // 3, (ago, name, products[:1], value))
    spread: list[tuple[int, EventName, tuple[str, ...], int | None]] = []
    for event in sorted(kept.values(), key=lambda event: event[0]):
        if not spread or event[0] - spread[-1][0] > 1:
            spread.append(event)
    return spread


def accounts_with(rule: Rule) -> tuple[Accounts, Segment]:
    segment = Segment(id="s", advertiser="acme", rule=rule, days=1)
    return Accounts(advertisers={"acme": ACME}, segments={"s": segment}), segment


def is_true(rule: Rule, history: History) -> bool:
    """Every part by reading all of the history."""
    if rule.happened is not None:
        asked = rule.happened
        return sum(counts(asked, *event) for event in history) >= asked.min_count
    if rule.negated is not None:
        return not is_true(rule.negated, history)
    return all(is_true(p, history) for p in rule.all) if rule.all else any(is_true(p, history) for p in rule.any)


def counts(asked: Happened, ago: int, name: EventName, products: tuple[str, ...], value: int | None) -> bool:
    if name != asked.event or ago > (asked.within_s or 86_400):
        return False
    if asked.min_value is not None and (value is None or value < asked.min_value):
        return False
    if asked.max_value is not None and (value is None or value > asked.max_value):
        return False
    if not (asked.products or asked.category or asked.min_price):
        return True
    return any(
        (not asked.products or product in asked.products)
        and (not asked.category or (product in CATALOG and CATALOG[product].category.startswith("Shoes")))
        and (asked.min_price is None or (product in CATALOG and CATALOG[product].price >= asked.min_price))
        for product in products
    )


@settings(max_examples=300, deadline=None)
@given(RULES, EVENTS)
def test_membership_is_what_the_whole_history_says(rule: Rule, history: History) -> None:
    accounts, _ = accounts_with(rule)
    rules = compile_rules(accounts)
    visitor = CountedVisitor(rules, CATALOG)
    for ago, name, products, value in sorted(history, key=lambda event: -event[0]):
        visitor.does(Event(name, ACME, products, value=value), NOW - ago)
    assert rules.is_member("s", visitor.profile, NOW) is is_true(rule, history)


@settings(max_examples=300, deadline=None)
@given(RULES, EVENTS.map(spaced))
def test_what_is_told_before_a_rule_is_applied_is_true_or_not_known(rule: Rule, history: History) -> None:
    accounts, segment = accounts_with(rule)
    viewed: dict[str, int] = {}
    views: dict[str, int] = {}
    kept: dict[EventName, dict[str, int]] = {name: {} for name in NAMES}
    newest = 0
    for ago, name, products, _ in sorted(history, key=lambda event: -event[0]):
        for product in products:
            newest = max(newest + 1, NOW - EPOCH - ago)
            kept[name][product] = newest
            if name is EventName.VIEW_ITEM:
                viewed[product] = newest
                views[product] = min(views.get(product, 0) + 1, 4)
    shopping = Shopping(viewed, kept[EventName.ADD_TO_CART], kept[EventName.PURCHASE], views=views)
    visitor = CountedVisitor(NO_RULES, CATALOG).profile._replace(shopping={7: shopping} if history else {})
    answer = in_segment(segment, ACME, accounts, NO_RULES)(visitor, NOW, CATALOG)
    assert answer in (None, is_true(rule, history))
