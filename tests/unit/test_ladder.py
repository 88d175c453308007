"""The rungs of the ladder and their edges."""

import pytest

from adserver.audience.ladder import rung_of
from adserver.model.profile import EPOCH, Shopping
from adserver.model.segment import Rung

NOW = 1_790_000_000
T = NOW - EPOCH
DAY = 86_400


@pytest.mark.parametrize(
    ("shopping", "rung"),
    [
        (Shopping(), None),
        (Shopping(visited_at=T), Rung.VISITOR),
        (Shopping({"a": T}, visited_at=T), Rung.PRODUCT_VIEWER),
        (Shopping({"a": T}, {"a": T}, visited_at=T), Rung.CART_ABANDONER),
        (Shopping({}, {"a": T}), Rung.CART_ABANDONER),
        (Shopping({"a": T}, {"b": T}, {"a": T}), Rung.PAST_BUYER),
        (Shopping(bought={"": T}), Rung.PAST_BUYER),
        (Shopping({"a": T}, {"b": T}, {"a": T - 31 * DAY}), Rung.CART_ABANDONER),
        (Shopping({"a": T}, {"b": T - 31 * DAY}, {"a": T - 31 * DAY}), Rung.PRODUCT_VIEWER),
        (Shopping({"a": T - 31 * DAY}, visited_at=T), Rung.VISITOR),
        (Shopping({"a": T - 31 * DAY}, {"a": T - 31 * DAY}), None),
    ],
)
def test_the_deepest_rung_wins(shopping: Shopping, rung: Rung | None) -> None:
    assert rung_of(shopping, NOW, 30) is rung


@pytest.mark.parametrize("days", [1, 30, 180])
@pytest.mark.parametrize(
    ("make", "rung"),
    [
        (lambda at: Shopping(visited_at=at), Rung.VISITOR),
        (lambda at: Shopping({"old": at - 5, "a": at}), Rung.PRODUCT_VIEWER),
        (lambda at: Shopping({}, {"a": at, "old": at - 5}), Rung.CART_ABANDONER),
        (lambda at: Shopping({}, {}, {"a": at}), Rung.PAST_BUYER),
    ],
)
def test_to_the_second(make: object, rung: Rung, days: int) -> None:
    assert callable(make)
    edge = T - days * DAY
    assert [rung_of(make(edge + second), NOW, days) for second in (1, 0, -1)] == [rung, rung, None]
