"""The steps of a pixel and of an ad that need nothing but memory."""

import itertools
from collections.abc import Callable
from pathlib import Path
from random import Random

from adserver.collect.bot import automation_of
from adserver.collect.parse import parse_event
from adserver.creative.library import load_creatives
from adserver.creative.money import format_price
from adserver.decision.index import build_index
from adserver.model.account import Accounts
from adserver.model.decision import Decision
from adserver.model.product import MICROS, Product
from adserver.model.tcf import purpose_consents
from adserver.service.accounts_file import AccountsFile, parse_accounts
from adserver.service.picture_links import PictureLinks
from adserver.service.render_ad import RenderAd
from adserver.storage.valkey.product_codec import ProductCodec
from adserver.storage.valkey.profile_codec import profile_of
from adserver.storage.valkey.resp import pack
from adserver.tracking.keyring import Keyring
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import TokenKind, Tokens
from adserver.tracking.visitor import VisitorCookies
from adserver.web.context import Context
from adserver.web.head import Head, HeadReader
from adserver.web.query import parse_query
from benchmarks.consent import tc_string
from benchmarks.decisions import Bench, Scene
from benchmarks.traffic import CHROME, IMAGE, USER_AGENT
from tests.server import ACCOUNTS

_SECRET = b"only for a benchmark, of 32 bytes or more"
_NOW = 1_795_000_000
VISITOR = "AbCdEfGhIjKlMnOpQrStUv"

Step = Callable[[], object]


def steps() -> dict[str, Step]:
    """All that needs nothing but memory."""
    return {**_pixel_steps(), **_ad_steps()}


def _pixel_steps() -> dict[str, Step]:
    accounts = _accounts()
    consent = tc_string(Random(1))
    query = b"a=acme&e=view_item&p=P00001"
    with_consent = query + b"&gdpr=1&gdpr_consent=" + consent.encode()
    fields = parse_query(with_consent) or {}
    cookies = VisitorCookies(Keyring([_SECRET], "visitor"))
    claims = (cookies.issue(VISITOR),)
    context = Context(
        method="GET",
        path="/pixel.gif",
        query=with_consent,
        head=Head(
            {
                b"cookie": b"adserver=" + claims[0].encode(),
                b"referer": b"https://shop.test/p/P00001",
                b"sec-fetch-site": b"cross-site",
                b"user-agent": USER_AGENT.encode(),
            }
        ),
        secure=False,
        peer="192.0.2.1",
    )
    lines = ("Host: ads.test", *CHROME, *IMAGE, "Referer: https://shop.test/", f"Cookie: adserver={claims[0]}")
    head = "\r\n".join((*lines, "", "")).encode()
    known, new = HeadReader(), HeadReader()
    numbers = itertools.count()
    call = ("FCALL", "record_event", 1, f"u:{{{VISITOR}}}", 200_000_000, 7_776_000, 1, 256, b"", 1, "v", "P00001")
    return {
        "parse: head of a browser, read before": lambda: known.head_of(head[:-1] + b"\n"),
        "parse: head of a browser, new": lambda: new.head_of(b"X: %d\r\n" % next(numbers) + head),
        "parse: query of a product view -> fields": lambda: parse_query(query),
        "parse: the same with a consent string": lambda: parse_query(with_consent),
        "parse: headers and fields -> hit": lambda: context.hit(fields, _NOW),
        "parse: user agent -> browser or bot": lambda: automation_of(USER_AGENT),
        "parse: fields -> event": lambda: parse_event(fields, accounts.advertisers),
        "consent: TC string, 1,000 vendors -> purposes": lambda: purpose_consents(consent),
        "cookie: verify": lambda: cookies.visitor_of(claims),
        "cookie: sign": lambda: cookies.issue(VISITOR),
        "RESP: pack one call": lambda: pack(call),
    }


def _ad_steps() -> dict[str, Step]:
    accounts = _accounts()
    creatives = load_creatives()
    index = build_index(accounts, {name: creative.sizes for name, creative in creatives.items()})
    entry = index.placements["daily-rectangle"]
    booking = entry.bookings[0]
    hash_of_visitor = _hash_of_visitor(booking.advertiser.ref)
    product = _product("P00001")
    codec = ProductCodec()
    packed = codec.pack(product)
    tokens = Tokens(Keyring([_SECRET], "token"))
    pictures = PictureLinks(Keyring([_SECRET], "picture"), base_url="")
    render = RenderAd(
        creatives,
        tokens,
        seal=VisitorSeal([_SECRET]),
        pictures=pictures,
        base_url="",
        impression_ttl_s=3_600,
        click_ttl_s=86_400,
    )
    decision = Decision(
        id="decision-0123456",
        placement=entry.placement,
        line_item=booking.line_item,
        campaign=booking.campaign,
        advertiser=booking.advertiser,
        creative=booking.line_item.creative,
        products=tuple(_product(f"P0000{number}") for number in (1, 2, 3)),
    )
    decide = Bench(Scene(1, 1, 50), 10, 1)
    html = render(decision, _NOW).html
    at = html.index(b"/i/") + 3
    token = html[at : html.index(b'"', at)].decode()
    return {
        "codec: hash of 10 products -> profile": lambda: profile_of(hash_of_visitor),
        "codec: bytes -> product": lambda: codec.unpack("P00001", packed),
        "decide: 10 products, one line item -> 4 products": decide,
        "render: 3 products -> HTML with its 4 tokens": lambda: render(decision, _NOW),
        "render: one price": lambda: format_price(product.price, product.currency, "de_DE"),
        "token: verify and read": lambda: tokens.read(token, TokenKind.IMPRESSION),
    }


def _accounts() -> Accounts:
    found = parse_accounts(ACCOUNTS, base_dir=Path())
    assert isinstance(found, AccountsFile)
    return found.accounts


def _product(product_id: str) -> Product:
    return Product(
        id=product_id,
        title=f"A waterproof jacket, number {product_id}",
        link=f"https://shop.test/p/{product_id}",
        image_link=f"https://shop.test/img/{product_id}.png",
        price=129 * MICROS + 900_000,
        currency="EUR",
    )


def _hash_of_visitor(ref: int) -> list[bytes]:
    """As Valkey answers: fields and values, alternating."""
    flat = [f"s{ref}".encode(), b"200000000"]
    for number in range(10):
        flat += [f"v{ref}:P{number:05d}".encode(), str(200_000_000 + number).encode()]
    return flat
