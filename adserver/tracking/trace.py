"""What an ad remembers of its own decision, in a few bytes of its token: why its products, and why no other ad."""

import struct
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

from adserver.model.decision import Decision, Passed, Why
from adserver.model.reason import LineItemReason

MAX_PASSED = 16
"""Line items that are remembered, the best of those that were not chosen first."""

MAX_PRODUCT_BYTES = 240
"""Of all product ids together; the others are left out."""

_WHYS = tuple(Why)
_PASSED = [struct.Struct(">" + count * "IH") for count in range(MAX_PASSED + 1)]


class Trace(NamedTuple):
    """Products that were shown, with why each was; ``passed`` are line items that were not."""

    products: tuple[tuple[str, Why], ...]
    passed: tuple[Passed, ...]


def trace_of(decision: Decision) -> bytes:
    """At most 360 bytes."""
    why = decision.why
    names = [product.id for product in decision.products[: len(why)]]
    text = "".join(names).encode()
    while len(text) > MAX_PRODUCT_BYTES:
        names.pop()
        why, text = why[: len(names)], "".join(names).encode()
    shown = _head(why) + bytes((*map(len, names), len(text))) + text
    if not decision.passed:
        return shown
    kept = decision.passed[:MAX_PASSED]
    return shown + _PASSED[len(kept)].pack(*chain.from_iterable(kept))


def read_trace(packed: bytes) -> Trace:
    """The reverse. Raises ValueError for anything else; reasons that this version does not know are left out."""
    try:
        return _read(packed)
    except (IndexError, UnicodeDecodeError, struct.error) as error:
        raise ValueError("no trace of a decision") from error


def _read(packed: bytes) -> Trace:
    if not packed:
        return Trace((), ())
    begin = 1 + packed[0]
    why, lengths, end = packed[1:begin], packed[begin : 2 * begin - 1], 2 * begin + packed[2 * begin - 1]
    text = packed[2 * begin : end].decode()
    if end > len(packed) or sum(lengths) != len(text):
        raise IndexError("names are longer or shorter than they should be")
    ends = list(accumulate(lengths, initial=0))
    names = [text[start:stop] for start, stop in pairwise(ends)]
    products = tuple((name, _WHYS[number]) for name, number in zip(names, why, strict=True))
    return Trace(products, tuple(_known(_PASSED[1].iter_unpack(packed[end:]))))


@lru_cache(1_024)
def _head(why: tuple[Why, ...]) -> bytes:
    return bytes((len(why), *map(_WHYS.index, why)))


def _known(rows: Iterable[tuple[int, int]]) -> Iterable[Passed]:
    known = set(LineItemReason)
    return (Passed(ref, LineItemReason(number)) for ref, number in rows if number in known)
