"""What a value must be: each check answers the value to keep, or ``Wrong``."""

import ipaddress
import re
import unicodedata
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import idna
from babel import Locale, UnknownLocaleError
from babel.numbers import is_currency

from adserver.model.product import PRODUCT_ID_MAX_BYTES
from adserver.service.accounts_file.problem import nearest
from adserver.service.accounts_file.wrong import Check, Wrong, inside

_COUNTRIES = frozenset(Locale("en").territories)

_MOST = 1_000
"""Elements of a list."""


def text(longest: int, *, shortest: int = 1) -> Check:
    """A text on one line, without blanks around it and with each letter written in one way."""

    def check(value: Any) -> object:
        if not isinstance(value, str):
            return Wrong()
        kept = unicodedata.normalize("NFC", value).strip()
        joiners_and_marks = (
            "\u200c\u200d\u200e\u200f"  # scripts and emoji need them; overrides and isolates are not here
        )
        for letter in kept:
            if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in joiners_and_marks:
                return Wrong(f"a text without control characters such as U+{ord(letter):04X}")
        return kept if shortest <= len(kept) <= longest else Wrong()

    return check


def folded(longest: int) -> Check:
    """A text of which upper and lower case are the same, in lower case."""
    check = text(longest)

    def fold(value: Any) -> object:
        kept = check(value)
        return kept.casefold() if isinstance(kept, str) else kept

    return fold


def each(check: Check, *, most: int = _MOST) -> Check:
    """A list, each of its elements checked; what stands in it twice is kept once."""

    def check_all(value: Any) -> object:
        if not isinstance(value, list):
            return Wrong()
        if len(value) > most:
            return Wrong(f"at most {most} of them", found=f"{len(value)}")
        kept = [check(element) for element in value]
        for at, element in enumerate(kept):
            if isinstance(element, Wrong):
                return inside(element, at)
        return tuple(dict.fromkeys(kept))

    return check_all


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
    return each(_host)(value) if value else Wrong()


def some_hosts(value: Any) -> object:
    """Or none."""
    return each(_host)(value)


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


def matching(pattern: str) -> Check:
    return lambda value: value if isinstance(value, str) and re.fullmatch(pattern, value) else Wrong()


def one_of(choices: type[StrEnum]) -> Check:
    """One of these words; what is near one of them is told."""

    def check(value: Any) -> object:
        known = [choice.value for choice in choices]
        if isinstance(value, str) and value in known:
            return choices(value)
        return Wrong(hint=nearest(value, known) if isinstance(value, str) else "")

    return check


def whole(least: int, most: int) -> Check:
    """A whole number within these bounds."""

    def check(value: Any) -> object:
        return value if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most else Wrong()

    return check


def product_id(value: Any) -> object:
    """As the feed writes it, so nothing of it is changed."""
    wrong = not isinstance(value, str) or not value.isprintable() or value != value.strip()
    return Wrong() if wrong or not 1 <= len(value.encode()) <= PRODUCT_ID_MAX_BYTES else value


def yes_or_no(value: Any) -> object:
    return value if isinstance(value, bool) else Wrong()


def country(value: Any) -> object:
    """``DE``, or a part of it such as ``DE-BY``, in upper case."""
    place = value.upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", place) or place[:2] not in _COUNTRIES:
        return Wrong()
    return place


def share(value: Any) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return Wrong()
    return float(value)


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
