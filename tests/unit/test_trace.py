"""What an ad remembers of its own decision: all that was decided, in few bytes, and nothing of what was not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.model.account import Advertiser, Campaign, Placement
from adserver.model.decision import Decision, Passed, Why
from adserver.model.line_item import LineItem
from adserver.model.product import Availability, Product
from adserver.model.reason import LineItemReason
from adserver.tracking.trace import MAX_PASSED, MAX_PRODUCT_BYTES, Trace, read_trace, trace_of

MAX_BYTES = 360
PRODUCT = Product(
    id="",
    title="A",
    link="https://shop.test/",
    image_link="",
    price=1,
    currency="EUR",
    availability=Availability.IN_STOCK,
)
PLAIN = Decision(
    id="decision",
    placement=Placement(id="p", publisher="daily", size="300x250"),
    line_item=LineItem(id="i", campaign="c", creative="grid"),
    campaign=Campaign(id="c", advertiser="acme"),
    advertiser=Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE"),
    products=(),
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)
shown = st.lists(st.tuples(names, st.sampled_from(Why)), max_size=8)
passed = st.lists(
    st.builds(Passed, st.integers(0, 2**32 - 1), st.sampled_from(LineItemReason)),
    max_size=70,
)


def decided(products: Sequence[tuple[str, Why]], others: Sequence[Passed]) -> Decision:
    return PLAIN._replace(
        products=tuple(PRODUCT._replace(id=name) for name, _ in products),
        why=tuple(why for _, why in products),
        passed=others,
    )


@given(shown, passed)
def test_what_is_packed_is_read_again_and_has_its_bound(
    products: Sequence[tuple[str, Why]], others: Sequence[Passed]
) -> None:
    packed = trace_of(decided(products, others))
    assert len(packed) <= MAX_BYTES
    trace = read_trace(packed)
    kept = len(trace.products)
    assert trace == Trace(tuple(products[:kept]), tuple(others[:MAX_PASSED]))
    weight = [sum(len(name.encode()) for name, _ in products[:count]) for count in range(len(products) + 1)]
    assert kept == max(count for count, used in enumerate(weight) if used <= MAX_PRODUCT_BYTES)


def test_of_a_house_ad_there_is_little_to_remember() -> None:
    assert len(trace_of(PLAIN)) == 2
    assert read_trace(trace_of(PLAIN)) == read_trace(b"") == Trace((), ())


@given(st.binary(max_size=400))
def test_garbage_is_a_trace_or_refused(raw: bytes) -> None:
    try:
        trace = read_trace(raw)
    except ValueError:
        return
    assert all(isinstance(why, Why) for _, why in trace.products)
    assert all(isinstance(one.reason, LineItemReason) for one in trace.passed)


@pytest.mark.parametrize(
    "cut",
    [
        b"\x01",
        b"\x01\x03",
        b"\x01\x03\x05",
        b"\x01\x03\x05\x05SKU",  # a name that is not all there
        b"\x01\x03\x02\x03SKU",  # one that is longer than it says
        b"\x01\xff\x01\x01A",  # a reason that nobody knows
        b"\x01\x00\x01\x01\xff",  # no UTF-8
        b"\x00\x00\x00\x00\x00\x01",  # half a line item
    ],
)
def test_what_was_cut_is_refused(cut: bytes) -> None:
    with pytest.raises(ValueError, match="no trace of a decision"):
        read_trace(cut)


def test_reasons_of_a_later_version_are_left_out() -> None:
    packed = trace_of(decided([], [Passed(1, LineItemReason.PAUSED), Passed(2, LineItemReason.OUTRANKED)]))
    later = packed.replace(int(LineItemReason.PAUSED).to_bytes(2), (499).to_bytes(2))
    assert read_trace(later).passed == (Passed(2, LineItemReason.OUTRANKED),)
