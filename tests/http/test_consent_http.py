"""Consent, seen from outside: without a yes there is no cookie, no key and no personal ad."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http.conftest import DATA, Header, Reply, Wire, cookies, keys_in, pixel, products_in, request
from tests.server import Server

STORAGE = 1
Fields = dict[str, str]


def material(name: str) -> list[dict[str, Any]]:
    path = DATA / "consent" / name
    if not path.is_file():
        pytest.skip(f"the published consent strings are not at hand ({path})")
    text = path.read_text("utf-8")
    found: list[dict[str, Any]] = (
        json.loads(text) if path.suffix == ".json" else list(map(json.loads, text.splitlines()))
    )
    return found


def tcf(*, allowed: bool) -> list[str]:
    """Valid TC strings that do, or do not, consent to purpose 1."""
    return [
        row["string"]
        for row in material("tcf_valid.jsonl")
        if (STORAGE in row["decoded"]["purposeConsents"]) is allowed and row["decoded"]["cmpId"] > 1
    ]


def refusing() -> list[Fields]:
    """Every published string that is not a valid yes to purpose 1, as the parameters that carry it."""
    found = [{"gdpr": "1", "gdpr_consent": text} for text in tcf(allowed=False)]
    found += [{"gdpr_consent": text} for text in tcf(allowed=False)]
    for name in ("tcf_rejected_or_disputed.jsonl", "tcf_v1_obsolete.jsonl"):
        found += [{"gdpr": "1", "gdpr_consent": row["string"]} for row in material(name)]
    for name in ("gpp_valid.jsonl", "gpp_sections.jsonl", "gpp_rejected_or_disputed.jsonl"):
        found += [{"gpp": row["string"], "gpp_sid": "7"} for row in material(name) if row["string"]]
    found += [
        {"us_privacy": row["string"]}
        for row in material("us_privacy.json")
        if row["string"] and (not row["valid"] or row.get("opt_out_sale"))
    ]
    found += [
        {"gdpr": "1"}, {"gdpr": "1", "gdpr_consent": ""}, {"gdpr": "true"}, {"gdpr": "2"}, {"gdpr": " 0"},
        {"gpc": "1"}, {"gpc": "true"}, {"gpc": "1", "gdpr": "0"}, {"gpc": "1", "consent": "1"},
        {"gdpr_consent": "x"}, {"us_privacy": "1YYN"}, {"us_privacy": "1yyn"}, {"consent": "0"}, {"consent": "no"},
    ]  # fmt: skip
    return found


def granting() -> list[Fields]:
    return [{"gdpr": "1", "gdpr_consent": text} for text in tcf(allowed=True)]


def state(server: Server) -> tuple[int, int]:
    """Keys, and entries ever written to the event stream."""
    with server.valkey() as valkey:
        stream = valkey.xinfo_stream("events:{0}") if valkey.exists("events:{0}") else {"entries-added": 0}
        return keys_in(valkey), int(stream["entries-added"])


def profile(server: Server) -> dict[bytes, dict[bytes, bytes]]:
    with server.valkey() as valkey:
        return {key: valkey.hgetall(key) for key in valkey.scan_iter("u:*")}


def requests_with(fields: Fields, cookie: str, *headers: Header) -> list[bytes]:
    """The pixel, the ad and all ads, each for a known visitor; the pixel for a new one too."""
    query = "&" + urlencode(fields) if fields else ""
    view = pixel(a="acme", e="view_item", p="SKU2") + query
    known = cookies(cookie)
    return [
        request(view, *headers),
        request(view, *known, *headers),
        request("/ad?placement=daily-rectangle" + query, *known, *headers),
        request("/ads?placement=daily-rectangle" + query, *known, ("Origin", "https://news.test"), *headers),
    ]


def check_refused(replies: list[Reply], why: object) -> None:
    for reply in replies:
        assert reply.every("set-cookie") == [], why
        assert "SKU1" not in reply.everything, why
    new, known, ad, all_ads = replies
    assert (new.status, new.reason) == (known.status, known.reason) == (200, "consent"), why
    assert (ad.status, ad.reason, ad.body) == (204, "consent", b""), why
    assert all_ads.json == {"ads": [{"placement": "daily-rectangle", "reason": "consent"}]}, why


def test_no_string_but_a_valid_yes_lets_anything_through(server: Server, wire: Wire) -> None:
    cookie = wire.view("SKU1")
    cases = refusing()
    assert len(cases) > 200
    keys, before = state(server)[0], profile(server)
    replies = wire.batch(raw for fields in cases for raw in requests_with(fields, cookie))
    for at, fields in enumerate(cases):
        check_refused(replies[4 * at : 4 * at + 4], fields)
    assert state(server)[0] <= keys
    assert profile(server) == before
    assert products_in(wire.ad(cookie).text) == ["Product SKU1"]


def test_a_valid_yes_lets_through(wire: Wire) -> None:
    cases = granting()
    assert cases
    cookie = wire.view("SKU1")
    for fields in cases:
        new, known, ad, all_ads = wire.batch(requests_with(fields, cookie))
        assert (new.reason, known.reason) == ("", "")
        assert len(new.every("set-cookie")) == 1
        assert products_in(ad.text) == ["Product SKU2", "Product SKU1"]
        assert "html" in all_ads.json["ads"][0]


@pytest.mark.parametrize("fields", [{}, {"gdpr": "0"}, {"us_privacy": "1NNN"}, {"consent": "1"}])
@pytest.mark.parametrize("gpc", ["1", "true", "0, 1"])
def test_global_privacy_control_outweighs_all(server: Server, wire: Wire, fields: Fields, gpc: str) -> None:
    cookie = wire.view("SKU1")
    before = state(server)[0]
    check_refused(wire.batch(requests_with(fields, cookie, ("Sec-GPC", gpc))), gpc)
    assert state(server)[0] <= before


def test_global_privacy_control_outweighs_a_valid_yes(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    for fields in granting()[:3]:
        check_refused(wire.batch(requests_with(fields, cookie, ("Sec-GPC", "1"))), fields)
        for sent in ((), (("Sec-GPC", "0"),), (("Sec-GPC", "1"),)):  # the page may know what the header does not say
            check_refused(wire.batch(requests_with({**fields, "gpc": "1"}, cookie, *sent)), sent)


def test_a_zero_never_takes_an_objection_back(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    check_refused(wire.batch(requests_with({"gpc": "0"}, cookie, ("Sec-GPC", "1"))), "header")
    assert products_in(wire.batch(requests_with({"gpc": "0"}, cookie))[2].text) == ["Product SKU2", "Product SKU1"]


def test_a_parameter_that_comes_twice_is_no_consent(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    for query in ("&gpc=0&gpc=0", "&gdpr=0&gdpr=0", "&consent=1&consent=1", "&us_privacy=1NNN&us_privacy=1YYN"):
        assert wire.get(pixel(a="acme", e="page_view") + query, *cookies(cookie)).reason == "consent"
        assert wire.get("/ad?placement=daily-rectangle" + query, *cookies(cookie)).reason == "consent"


def test_without_a_signal_the_default_denies(server: Server, wire: Wire) -> None:
    """The third shop and the server leave the default alone: silence is a no."""
    view = pixel(a="strict", e="view_item", p="S1")
    before = state(server)
    for headers in ([], [("Cookie", "adserver=forged")], [("Sec-Fetch-Site", "cross-site")]):
        reply = wire.get(view, *headers)
        assert (reply.status, reply.reason) == (200, "consent")
        assert reply.every("set-cookie") == []
    keys, entries = state(server)
    assert keys <= before[0]
    assert entries == before[1]


def test_each_of_the_ways_out_of_the_default(wire: Wire) -> None:
    view = pixel(a="strict", e="view_item", p="S1")
    for fields in [{"consent": "1"}, {"gdpr": "0"}, {"us_privacy": "1NNN"}, *granting()[:2]]:
        query = urlencode(fields)
        reply = wire.get(f"{view}&{query}")
        assert reply.reason == "", fields
        assert products_in(wire.get(f"/ad?placement=daily-rectangle&{query}", *cookies(reply.cookie)).text) == [
            "Product S1"
        ]


def test_an_ad_for_a_shop_that_needs_consent_needs_it_again(wire: Wire) -> None:
    cookie = wire.get(pixel(a="strict", e="view_item", p="S1", consent="1")).cookie
    assert wire.ad(cookie).reason == "no_history"  # of the shops that may be shown without a signal
    wire.view("SKU1", cookie=cookie)
    assert products_in(wire.ad(cookie).text) == ["Product SKU1"]


def test_the_consent_strings_are_in_no_log(server: Server) -> None:
    log = server.log()
    assert not any(text in log for text in tcf(allowed=True) + tcf(allowed=False))
