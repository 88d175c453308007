"""Reasons are a published table: numbers and names that others may rely on."""

import re
from itertools import chain

import pytest

from adserver.model.reason import EventReason, LineItemReason, NoAdReason, Reason, TokenReason

KINDS: dict[type[Reason], range] = {
    EventReason: range(100, 200),
    NoAdReason: range(200, 300),
    TokenReason: range(300, 400),
    LineItemReason: range(400, 500),
}


def test_no_number_is_used_twice() -> None:
    numbers = [int(reason) for reason in chain(*KINDS)]
    assert len(set(numbers)) == len(numbers)
    for kind in KINDS:
        assert len(kind) == len(kind.__members__), "two names for one number"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_has_a_range_of_its_own(kind: type[Reason]) -> None:
    assert all(int(reason) in KINDS[kind] for reason in kind)


def test_labels_are_safe_in_headers_and_metrics() -> None:
    for reason in chain(*KINDS):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason.label)
        assert reason.label.upper() == reason.name


@pytest.mark.parametrize(
    ("reason", "number"),
    [
        (EventReason.TOO_LONG, 100),
        (EventReason.FOREIGN_PAGE, 104),
        (EventReason.CONSENT, 121),
        (EventReason.FORGED_COOKIE, 122),
        (NoAdReason.MALFORMED, 201),
        (NoAdReason.CONSENT, 210),
        (NoAdReason.NO_HISTORY, 212),
        (TokenReason.BAD_TOKEN, 301),
        (TokenReason.DUPLICATE, 303),
    ],
)
def test_published_numbers_stay(reason: Reason, number: int) -> None:
    """What was released once keeps its number."""
    assert int(reason) == number
