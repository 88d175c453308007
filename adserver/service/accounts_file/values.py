"""What a value must be: each check answers the value to keep, or ``Wrong``."""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import idna
from babel import Locale, UnknownLocaleError
from babel.numbers import is_currency

from adserver.model.account import NEVER, SPAN_UNITS, WINDOW_UNITS, Cap

_CAP = re.compile(rf"([1-9][0-9]{{0,3}})/([1-9][0-9]{{0,5}})?({'|'.join(WINDOW_UNITS)})", re.ASCII)
_MOST_CAPS = 6
_LARGEST_LIMIT = 1_000
_LONGEST_WINDOW_S = 180 * 86_400
_SPAN = re.compile(rf"([1-9][0-9]{{0,5}})({'|'.join(SPAN_UNITS)})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A check's refusal. ``expected`` says more than the key's row; ``at`` is the element of an array."""

    expected: str = ""
    at: int | None = None


def printable(value: Any) -> object:
    if not isinstance(value, str):
        return Wrong()
    name = unicodedata.normalize("NFC", value).strip()
    joiners_and_marks = "\u200c\u200d\u200e\u200f"  # scripts and emoji need them; overrides and isolates are not here
    for letter in name:
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in joiners_and_marks:
            return Wrong(f"a name without control characters such as U+{ord(letter):04X}")
    return name if 1 <= len(name) <= 200 else Wrong()


def _host(value: Any) -> str | Wrong:
    """A host name in lower case and ASCII (IDN as punycode), or an IP address."""
    if not isinstance(value, str) or not value or value != value.strip():
        return Wrong()
    if value.startswith(("*", ".")):
        return Wrong('a host name without "*." or a leading dot: subdomains are covered already')
    bare = value.removeprefix("[").removesuffix("]")
    if "%" not in bare and _is_address(bare):
        return str(ipaddress.ip_address(bare))
    if any(mark in value for mark in "/:@?#\\"):
        return Wrong('a host name without scheme, port or path such as "shop.example"')
    name = value.lower().removesuffix(".")
    if len(name) <= 253 and (not name.isascii() or "xn--" in name):
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except UnicodeError:
            return Wrong()
    labels = name.split(".")
    label = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
    if len(name) > 253 or not all(re.fullmatch(label, part) for part in labels):
        return Wrong()
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        return Wrong()  # browsers read it as an address, and not as the one that is written there
    if len(labels) == 1 and name != "localhost":
        return Wrong('a full host name such as "shop.example": one word would cover all names below it')
    return name


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def hosts(value: Any) -> object:
    if not isinstance(value, list) or not value:
        return Wrong()
    hosts = [_host(element) for element in value]
    for at, host in enumerate(hosts):
        if isinstance(host, Wrong):
            return Wrong(host.expected, at)
    return tuple(dict.fromkeys(hosts))


def currency(value: Any) -> object:
    return value if isinstance(value, str) and len(value) == 3 and is_currency(value) else Wrong()


def locale(value: Any) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}", value):
        return Wrong()
    name = value.replace("-", "_")
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        return Wrong()
    return name


def matching(pattern: str) -> Callable[[Any], object]:
    return lambda value: value if isinstance(value, str) and re.fullmatch(pattern, value) else Wrong()


def one_of(choices: type[StrEnum]) -> Callable[[Any], object]:
    return lambda value: choices(value) if isinstance(value, str) and value in set(choices) else Wrong()


def share(value: Any) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return Wrong()
    return float(value)


def caps(value: Any) -> object:
    """Frequency caps, the shortest window first."""
    if not isinstance(value, list) or len(value) > _MOST_CAPS:
        return Wrong()
    kept: dict[int, Cap] = {}
    for at, written in enumerate(value):
        cap = _cap(written)
        if isinstance(cap, Wrong):
            return Wrong(cap.expected, at)
        if cap.window_s in kept:
            return Wrong(f'a window other than that of "{kept[cap.window_s]}"', at)
        kept[cap.window_s] = cap
    return tuple(kept[window_s] for window_s in sorted(kept))


def _cap(value: Any) -> Cap | Wrong:
    parts = _CAP.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        return Wrong('a cap such as "3/day", "2/30min", "6/12hour" or "20/2week"')
    limit, window_s = int(parts[1]), int(parts[2] or 1) * WINDOW_UNITS[parts[3]]
    if limit > _LARGEST_LIMIT:
        return Wrong(f"a cap of 1 to {_LARGEST_LIMIT} ads")
    if window_s > _LONGEST_WINDOW_S:
        return Wrong("a window of one minute to 180 days")
    return Cap(limit, window_s)


def span(shortest_s: int, longest_s: int) -> Callable[[Any], object]:
    """A time such as ``6h`` in seconds, within these bounds; 0 for ``never``."""

    def check(value: Any) -> object:
        if value == NEVER:
            return 0
        parts = _SPAN.fullmatch(value) if isinstance(value, str) else None
        seconds = int(parts[1]) * SPAN_UNITS[parts[2]] if parts else 0
        return seconds if shortest_s <= seconds <= longest_s else Wrong()

    return check


def color(value: Any) -> object:
    """In lower case, so that one colour is written in one way."""
    return value.lower() if isinstance(value, str) and re.fullmatch(r"#[0-9A-Fa-f]{6}", value) else Wrong()


def source(value: Any) -> object:
    """A feed's address as it is written; a path becomes absolute later."""
    if not isinstance(value, str) or not 1 <= len(value) <= 2048 or not value.isprintable() or value != value.strip():
        return Wrong()
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value):
        return value
    try:
        address = urlsplit(value)
        valid = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        return Wrong()
    return value if valid and " " not in value else Wrong()
