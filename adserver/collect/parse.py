"""Query fields of the pixel -> Event. Straight checks, first failure wins, nothing is guessed."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from adserver.collect.names import EVENT_BY_NAME
from adserver.model.account import Advertiser
from adserver.model.event import NEEDS_PRODUCT, Event
from adserver.model.hit import Fields
from adserver.model.product import MICROS, PRODUCT_ID_MAX_BYTES
from adserver.model.reason import EventReason

URL_MAX = 2_048
"""Longest address of a page that is looked at, in characters."""

MAX_PRODUCTS = 20
"""Products one event may name; a page that lists more is not what a visitor looked at."""

_SINGLE = {"a", "e", "q", "v", "c", "o", "eid", "url", "em"}
_PURCHASE_FIELDS = {"q", "v", "c", "o"}
_MORE_FIELDS = _PURCHASE_FIELDS | {"url", "em"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_QUANTITY = re.compile(r"[0-9]{1,6}", re.ASCII)
_VALUE = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ORDER_ID_MAX = 64
_MAIL = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_MAIL_BYTES = 8


def parse_event(fields: Fields, advertisers: Mapping[str, Advertiser]) -> Event | EventReason:
    """The event that ``fields`` describe, or the first reason why they describe none."""
    if sum(map(len, fields.values())) > len(fields) and _is_repeated(fields):
        return EventReason.MALFORMED
    advertiser_id = _one(fields, "a")
    if not advertiser_id:
        return EventReason.MISSING_ADVERTISER
    advertiser = advertisers.get(advertiser_id)
    if advertiser is None:
        return EventReason.UNKNOWN_ADVERTISER
    written = _one(fields, "e")
    if not written:
        return EventReason.MISSING_EVENT
    event = EVENT_BY_NAME.get(written.lower())
    if event is None:
        return EventReason.UNKNOWN_EVENT
    products = parse_products(fields.get("p", ()))
    if not isinstance(products, tuple):  # isinstance of an enumeration is ten times dearer
        return products
    if not products and event in NEEDS_PRODUCT:
        return EventReason.MISSING_PRODUCT
    if _MORE_FIELDS.isdisjoint(fields):
        return Event(event, advertiser, products)
    mail = _mail(fields)
    if not isinstance(mail, bytes):
        return mail
    described = Event(event, advertiser, products, url=_page(fields), mail=mail)
    return described if _PURCHASE_FIELDS.isdisjoint(fields) else _purchase(described, fields)


def _purchase(event: Event, fields: Fields) -> Event | EventReason:
    """The event with what it says of money and pieces."""
    quantity, value, currency, order_id = (_one(fields, key) for key in "qvco")
    if quantity and not (_QUANTITY.fullmatch(quantity) and int(quantity) > 0):
        return EventReason.BAD_QUANTITY
    if value and not _VALUE.fullmatch(value):
        return EventReason.BAD_VALUE
    if currency and not _CURRENCY.fullmatch(currency):
        return EventReason.BAD_CURRENCY
    if len(order_id) > _ORDER_ID_MAX or _CONTROL.search(order_id):
        return EventReason.BAD_ORDER_ID
    return event._replace(
        quantity=int(quantity) if quantity else None,
        value=to_micros(value) if value else None,
        currency=currency,
        order_id=order_id,
    )


def _page(fields: Fields) -> str:
    """The page's address; empty where it is none of the web or too long: the event is worth more than its page."""
    url = _one(fields, "url")
    return url if len(url) <= URL_MAX and url[:8].lower().startswith(("https://", "http://")) else ""


def _mail(fields: Fields) -> bytes | EventReason:
    """The first bytes of the SHA-256 of an e-mail address: enough to tell a shop's customers apart."""
    digest = _one(fields, "em")
    if not digest:
        return b""
    return bytes.fromhex(digest[: 2 * _MAIL_BYTES]) if _MAIL.fullmatch(digest) else EventReason.BAD_MAIL


def parse_products(ids: Sequence[str]) -> tuple[str, ...] | EventReason:
    """Product ids as the feed writes them, each once, the last mention last; empty ones are left out."""
    if len(ids) == 1:
        return _one_product(ids[0])
    if len(ids) > MAX_PRODUCTS:
        return EventReason.TOO_MANY_PRODUCTS
    kept: dict[str, None] = {}
    for raw in ids:
        product_id = raw.strip()
        if not product_id:
            continue
        if not _is_product_id(product_id):
            return EventReason.BAD_PRODUCT_ID
        kept.pop(product_id, None)
        kept[product_id] = None
    return tuple(kept)


def _is_product_id(text: str) -> bool:
    length = len(text) if text.isascii() else len(text.encode())
    return length <= PRODUCT_ID_MAX_BYTES and not _CONTROL.search(text)


def _one_product(raw: str) -> tuple[str, ...] | EventReason:
    """Nearly all events name one, and many visitors the same."""
    return _known_product(raw) if len(raw) <= PRODUCT_ID_MAX_BYTES else _new_product(raw)


def _new_product(raw: str) -> tuple[str, ...] | EventReason:
    product_id = raw.strip()
    if not product_id:
        return ()
    return (product_id,) if _is_product_id(product_id) else EventReason.BAD_PRODUCT_ID


_known_product = lru_cache(8_192)(_new_product)


def to_micros(value: str) -> int:
    """``"19.90"`` -> 19_900_000, exactly; the text has matched the pattern of a value before."""
    whole, _, fraction = value.partition(".")
    return int(whole) * MICROS + int(fraction.ljust(6, "0") or 0)


def _one(fields: Fields, name: str) -> str:
    values = fields.get(name)
    return values[0] if values else ""


def _is_repeated(fields: Fields) -> bool:
    return any(len(fields[name]) > 1 for name in _SINGLE.intersection(fields))
