"""A visitor's hash as Valkey holds it -> a profile. What its fields are is told at the top of ``functions.lua``."""

import struct
from collections.abc import Mapping, Sequence

from adserver.model.profile import Exposure, Profile, Receipt, Shopping, Window

_NOTHING: Mapping[str, int] = {}
_TIME = struct.Struct(">I")
_WINDOW = struct.Struct(">IIH")
_CLAIMS = struct.Struct(">4x3H")
_PENDING = struct.Struct(">HII5x")
_EXPOSURE = struct.Struct(">IH")
_LEVEL = 2**29
"""How much one more view adds to the time of a product; times stay below it until 2037."""

_COUNTERS = frozenset(b"agfpd")
_VIEWED_OR_CARTED = frozenset(b"vc")
_BOUGHT, _SEEN, _RECEIPT, _HAPPENED, _EXPOSED, _MAIL, _PENDING_CLAIMS, _HIDDEN = b"bsrnxeqh"
_NO_LENGTH = bytes(4)


def profile_of(flat: Sequence[bytes], now: int = 0) -> Profile:
    """A profile from the fields and values of a visitor's hash, alternating, at ``now`` (seconds since EPOCH): ads that
    were to be seen by then and were not are not counted."""
    products: dict[bytes, dict[str, int]] = {}  # by what stands in front of the colon: action and advertiser
    views: dict[bytes, dict[str, int]] = {}
    rest = _Rest()
    fields = iter(flat)
    for name, value in zip(fields, fields, strict=True):
        letter = name[0]
        if letter in _VIEWED_OR_CARTED:
            head, _, product = name.partition(b":")
            at = int(value)
            if at >= _LEVEL:
                times, at = divmod(at, _LEVEL)
                views.setdefault(head[1:], {})[product.decode()] = times + 1
        elif letter == _BOUGHT:
            head, _, product = name.partition(b":")
            at = int(value.partition(b":")[0])
        else:
            rest.add(letter, name, value)
            continue
        if head in products:
            products[head][product.decode()] = at
        else:
            products[head] = {product.decode(): at}
    visits = rest.visits
    shopping = {ref: Shopping(visited_at=at) for ref, at in visits.items()}
    for ref in {head[1:] for head in products}:
        viewed, carted, bought = (products.get(action + ref, _NOTHING) for action in (b"v", b"c", b"b"))
        number = int(ref)
        shopping[number] = Shopping(viewed, carted, bought, visits.get(number, 0), views.get(ref, _NOTHING))
    return Profile(
        shopping, rest.frequency(now), rest.receipt, rest.happened, rest.exposures, rest.mails, rest.hidden()
    )


class _Rest:
    """All but products."""

    __slots__ = ("_counters", "_hidden", "_pending", "exposures", "happened", "mails", "receipt", "visits")

    def __init__(self) -> None:
        self.visits: dict[int, int] = {}
        self.happened: dict[str, tuple[int, ...]] = {}
        self.exposures: dict[str, Exposure] = {}
        self.mails: dict[int, bytes] = {}
        self.receipt: Receipt | None = None
        self._counters: list[tuple[bytes, bytes]] = []
        self._hidden: list[tuple[bytes, bytes]] = []
        self._pending = b""

    def add(self, letter: int, name: bytes, value: bytes) -> None:
        """One field and its value; ``letter`` is the first byte of the field."""
        if letter in _COUNTERS:
            self._counters.append((name, value))
        elif letter == _SEEN:
            self.visits[int(name[1:])] = int(value)
        elif letter == _RECEIPT:
            self.receipt = Receipt(_TIME.unpack_from(value)[0], value[_TIME.size :])
        elif letter == _HAPPENED:
            self.happened[name[1:].decode()] = struct.unpack(f">{len(value) // _TIME.size}I", value)
        elif letter == _EXPOSED:
            self.exposures[name[1:].decode()] = exposure_of(value)
        elif letter == _MAIL:
            self.mails[int(name[1:])] = value
        elif letter == _PENDING_CLAIMS:
            self._pending = value
        elif letter == _HIDDEN:
            self._hidden.append((name, value))

    def frequency(self, now: int) -> dict[str, tuple[Window, ...]]:
        """Counters that have counted anything that was seen, or may still be."""
        gone = _expired(self._pending, now) if len(self._pending) > _PENDING.size else _NO_CLAIMS
        return {name.decode(): windows for name, value in self._counters if (windows := _windows(value, gone))}

    def hidden(self) -> Mapping[int, frozenset[str]]:
        """Ids and item groups by advertiser."""
        if not self._hidden:
            return _NOTHING_HIDDEN
        hidden: dict[int, set[str]] = {}
        for name, value in self._hidden:
            head, _, group = name.partition(b":")
            _, _, product = value.partition(b":")
            names = hidden.setdefault(int(head[1:]), set())
            names.add(group.decode())
            if product:
                names.add(product.decode())
        return {ref: frozenset(names) for ref, names in hidden.items()}


_NO_CLAIMS: Mapping[int, int] = {}
_NOTHING_HIDDEN: Mapping[int, frozenset[str]] = {}


def exposure_of(value: bytes) -> Exposure:
    """What was met, out of its field's value."""
    since, purchases = _EXPOSURE.unpack_from(value)
    return Exposure(since, value[_EXPOSURE.size :].decode(), purchases)


def _expired(pending: bytes, now: int) -> dict[int, int]:
    """Claims nobody saw the ads of in time: number -> when they were taken."""
    return {number: taken for number, taken, expires in _PENDING.iter_unpack(pending[2:]) if expires <= now}


def _windows(value: bytes, gone: Mapping[int, int]) -> tuple[Window, ...]:
    """A counter's windows, without what the claims in ``gone`` took."""
    windows = tuple([Window(*window) for window in _WINDOW.iter_unpack(value) if window[0]])
    if not gone:
        return windows
    entries = [value[at : at + _WINDOW.size] for at in range(0, len(value), _WINDOW.size)]
    numbers = [number for entry in entries if entry.startswith(_NO_LENGTH) for number in _CLAIMS.unpack(entry)]
    taken = [gone[number] for number in numbers if number in gone]
    if not taken:
        return windows
    left = [(w, w.count - sum(w.started_at <= when for when in taken)) for w in windows]
    return tuple([Window(w.window_s, w.started_at, count) for w, count in left if count > 0])
