"""One product in JSON, whatever the nesting, as text by field."""

import re
from collections.abc import Iterator

from adserver.catalog.fields import ALIASES
from adserver.catalog.header import BEFORE_ITS_OWN_NAME, normalise, ranks

Json = dict[str, object]

_DEPTH = 4
_TRANSPARENT = frozenset({"attributes", "productattributes", "product_attributes", "product", "item", "offer"})
"""Objects whose members are the product's own."""

_CURRENCY = ("currency", "currencycode", "currency_code")
_AMOUNT = ("value", "amount", "price")
_ADDRESS = ("url", "uri", "src", "link", "href", "value", "name", "text")
_WHOLE = re.compile(r"[0-9]{1,18}")
_BETWEEN = {"image_link": ",", "additional_image_link": ",", "color": "/", "size": "/"}

_OWN_NAME = 0


def fields_of(product: Json) -> dict[str, str]:
    """Text by field. A field's own name comes before the others, and the first value that is not blank before the rest.

    Money as an object (``{"value": "9.99", "currency": "EUR"}``, in micros or cents too) becomes ``9.99 EUR``.
    """
    found: dict[str, tuple[int, list[str]]] = {}
    for name, value in _flat(product, "", _DEPTH):
        field = ALIASES.get(name)
        if field is None:
            continue
        texts = [text for text in _texts(value) if text and not text.isspace()]
        rank = ranks()[name]
        rank = BEFORE_ITS_OWN_NAME if name == "offerid" or rank < 0 else _OWN_NAME if name == field else 1 + rank
        known = found.get(field)
        if texts and known is not None and known[0] == rank:
            known[1].extend(texts)
        elif texts and (known is None or rank < known[0]):
            found[field] = rank, texts
    return {field: _joined(field, texts) for field, (_, texts) in found.items()}


def _joined(field: str, texts: list[str]) -> str:
    """Several values as one text: addresses as a list, colours and sizes as Google writes them, else the first one."""
    return _BETWEEN[field].join(texts) if field in _BETWEEN else texts[0]


def _flat(members: Json, path: str, depth: int) -> Iterator[tuple[str, object]]:
    """Every member with its path as ``ALIASES`` has it."""
    for key, value in members.items():
        name = path + normalise(key)
        if isinstance(value, dict):
            if (money := _money(value)) and name in ALIASES:
                yield name, money
            elif depth:
                inner = "" if normalise(key) in _TRANSPARENT else name + "."
                yield from _flat(value, inner, depth - 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and name not in ALIASES:
            for one in value:
                if isinstance(one, dict) and depth:
                    yield from _flat(one, name + ".", depth - 1)
        else:
            yield name, value


def _texts(value: object) -> Iterator[str]:
    """The texts of a value; numbers are texts already."""
    if isinstance(value, str):
        yield value if value.isascii() else _without_surrogates(value)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                named = {normalise(key): member for key, member in one.items()}
                yield _money(one) or next((member for key in _ADDRESS if isinstance(member := named.get(key), str)), "")
            elif not isinstance(one, list):
                yield from _texts(one)


def _without_surrogates(text: str) -> str:
    """JSON can escape halves of a pair, which are no characters."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _money(members: Json) -> str:
    """``9.99 EUR``; empty where the object is no money."""
    named = {normalise(key): value for key, value in members.items() if isinstance(value, str)}
    amount = next((named[key] for key in _AMOUNT if key in named), "") or _from_parts(named)
    currency = next((named[key] for key in _CURRENCY if key in named), "")
    return f"{amount} {currency}".strip() if amount and (currency or len(members) == 1) else ""


def _from_parts(named: dict[str, str]) -> str:
    """Micros, cents, or units and nanos, as decimals; empty where they are no whole numbers."""
    for whole, digits in (
        ("amountmicros", "6"),
        ("amount_micros", "6"),
        ("centamount", named.get("fractiondigits", "2")),
    ):
        if _WHOLE.fullmatch(named.get(whole, "")) and digits in {"0", "2", "3", "6"}:
            return _shifted(named[whole], int(digits))
    units, nanos = named.get("units", "0"), named.get("nanos", "0")
    if ("units" in named or "nanos" in named) and _WHOLE.fullmatch(units) and _WHOLE.fullmatch(nanos):
        return f"{units}.{nanos.zfill(9)[:9].rstrip('0') or '0'}"
    return ""


def _shifted(whole: str, digits: int) -> str:
    """``1299`` with two digits is ``12.99``."""
    padded = whole.zfill(digits + 1)
    return f"{padded[: len(padded) - digits]}.{padded[len(padded) - digits :]}" if digits else whole
