"""Standings and popular products as bytes, small: numbers of four bytes, then the ids, one a line."""

from struct import Struct, error, pack, unpack_from

from adserver.model.related import Popular, Standing

_FORMAT = 1
_HEAD = Struct("<BIfB")
"""Format, second since 1970, visits, how many partners."""

_POPULAR = Struct("<BIB")


def pack_standing(standing: Standing) -> bytes:
    """Everything but the product's own id, which is the field's name."""
    partners = standing.partners
    count = len(partners)
    numbers = [together for together, _ in partners.values()] + [visits for _, visits in partners.values()]
    head = _HEAD.pack(_FORMAT, standing.at, standing.visits, count)
    return head + pack(f"<{2 * count}f", *numbers) + "\n".join(partners).encode()


def unpack_standing(packed: bytes) -> Standing:
    """The reverse; an empty one for what a later version of the server wrote."""
    try:
        form, at, visits, count = _HEAD.unpack_from(packed)
        if form != _FORMAT:
            return Standing()
        numbers = unpack_from(f"<{2 * count}f", packed, _HEAD.size)
    except error:
        return Standing()
    pairs = zip(numbers[:count], numbers[count:], strict=True)
    return Standing(at, visits, dict(zip(_ids(packed, _HEAD.size + 8 * count), pairs, strict=False)))


def first_partners(packed: bytes, most: int, least: float) -> list[str]:
    """The ids of at most ``most`` partners that came together ``least`` times or more, those that belong most to the
    product first."""
    partners = unpack_standing(packed).partners
    return [partner for partner, (together, _) in partners.items() if together >= least][:most]


def pack_popular(popular: Popular) -> bytes:
    """All of it."""
    visits = popular.visits
    head = _POPULAR.pack(_FORMAT, popular.at, len(visits))
    return head + pack(f"<{len(visits)}f", *visits.values()) + "\n".join(visits).encode()


def unpack_popular(packed: bytes) -> Popular:
    """The reverse; an empty one for what a later version of the server wrote."""
    try:
        form, at, count = _POPULAR.unpack_from(packed)
        if form != _FORMAT:
            return Popular()
        numbers = unpack_from(f"<{count}f", packed, _POPULAR.size)
    except error:
        return Popular()
    return Popular(at, dict(zip(_ids(packed, _POPULAR.size + 4 * count), numbers, strict=False)))


def _ids(packed: bytes, start: int) -> list[str]:
    return packed[start:].decode().split("\n") if len(packed) > start else []
