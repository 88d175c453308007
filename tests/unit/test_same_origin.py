"""Whose page has sent a form, by what browsers of several ages tell of it."""

import pytest

from adserver.web.context import Context
from adserver.web.head import Head
from adserver.web.same_origin import SameOrigin

PUBLIC = "https://ads.example"
INSIDE = "adserver.internal:8080"


def post(**told: str) -> Context:
    headers = {name.replace("_", "-").encode(): value.encode() for name, value in told.items()}
    return Context("POST", "/privacy/opt-out", b"", Head(headers), True, "")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_browser_that_says_so(site: str) -> None:
    assert SameOrigin("")(post(sec_fetch_site=site, origin="https://evil.example", host=INSIDE))


@pytest.mark.parametrize("site", ["same-site", "cross-site", ""])
def test_a_browser_that_says_otherwise(site: str) -> None:
    assert not SameOrigin(PUBLIC)(post(sec_fetch_site=site, origin=PUBLIC, host="ads.example"))


@pytest.mark.parametrize(
    ("public", "origin", "host"),
    [
        ("", "http://ads.test", "ads.test"),
        ("", "http://ads.test:8080", "ADS.test:8080"),
        (PUBLIC, PUBLIC, "ads.example"),
        (PUBLIC, PUBLIC, INSIDE),  # the proxy in front names its own
        (PUBLIC, "https://ADS.example", ""),
        ("https://ads.example:443", PUBLIC, INSIDE),
        ("https://ads.example:8443", "https://ads.example:8443", INSIDE),
        (PUBLIC, "", INSIDE),
    ],
)
def test_an_older_one_on_a_page_of_ours(public: str, origin: str, host: str) -> None:
    assert SameOrigin(public)(post(origin=origin, host=host))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://ads.example.evil.example",
        "https://evilads.example",
        "https://ads.example:8443",
        "http://ads.example",
        "https://ads.example:x",
        "https://ads.example@evil.example",
        "ads.example",
        "https://",
        "null",
        "http://[ads.example",
    ],
)
@pytest.mark.parametrize("public", [PUBLIC, ""])
def test_an_older_one_on_a_page_of_others(public: str, origin: str) -> None:
    assert not SameOrigin(public)(post(origin=origin, host=INSIDE))
    assert not SameOrigin(public)(post(origin=origin))
