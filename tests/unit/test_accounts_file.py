"""The accounts file: what is read, what is refused and how that is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.model.account import Advertiser, Campaign, ConsentDefault, Feed, Placement, Publisher, StrikeThrough, span
from adserver.model.cap import Cap
from adserver.model.line_item import LineItem
from adserver.model.status import Status
from adserver.service.accounts_file import MAX_BYTES, AccountsFile, Problem, parse_accounts

GOOD = """\
[advertisers.acme]
name = "Acme Shoes"
domains = ["shop.test"]            # where the tag may run and where clicks may land
currency = "EUR"
locale = "de_DE"
[advertisers.acme.feed]
source = "feed.xml"                # path (relative to this file) or URL
[campaigns.acme-summer]
advertiser = "acme"
holdout = 0
status = "active"                  # or "paused"
[line_items.acme-viewers]
campaign = "acme-summer"
creative = "grid"
[publishers.daily]
name = "The Daily"
domains = ["news.test"]
[placements.daily-rectangle]
publisher = "daily"
size = "300x250"
"""
BASE = Path("/srv/accounts")


def good(text: str | bytes) -> AccountsFile:
    parsed = parse_accounts(text, base_dir=BASE)
    assert isinstance(parsed, AccountsFile), [str(problem) for problem in parsed]
    return parsed


def wrong(text: str | bytes) -> list[Problem]:
    parsed = parse_accounts(text, base_dir=BASE)
    assert isinstance(parsed, list)
    return parsed


def advertiser(line: str) -> Advertiser:
    """What is read from the example with one line of the advertiser replaced (named by its key)."""
    key = line.partition(" ")[0]
    lines = [line if old.startswith(f"{key} ") else old for old in GOOD.splitlines()[:7]]
    return good("\n".join(lines)).accounts.advertisers["acme"]


def test_the_example_is_read() -> None:
    accounts = good(GOOD).accounts
    assert accounts.advertisers == {
        "acme": Advertiser(id="acme", name="Acme Shoes", domains=("shop.test",), currency="EUR", locale="de_DE")
    }
    assert accounts.feeds == {"acme": Feed(advertiser="acme", source="/srv/accounts/feed.xml")}
    assert accounts.campaigns == {"acme-summer": Campaign(id="acme-summer", advertiser="acme", holdout=0)}
    assert accounts.line_items == {"acme-viewers": LineItem(id="acme-viewers", campaign="acme-summer", creative="grid")}
    assert accounts.publishers == {"daily": Publisher(id="daily", name="The Daily", domains=("news.test",))}
    assert accounts.placements == {
        "daily-rectangle": Placement(id="daily-rectangle", publisher="daily", size="300x250")
    }


def test_every_key_has_its_line() -> None:
    lines = good(GOOD).lines
    assert lines["advertisers.acme"] == 1
    assert lines["advertisers.acme.feed.source"] == 7
    assert lines["campaigns.acme-summer.advertiser"] == 9
    assert lines["placements.daily-rectangle.size"] == 20


def test_a_key_that_is_not_named_has_no_line() -> None:
    lines = good(GOOD).lines
    assert lines["campaigns.acme-summer.status"] == 11
    assert "line_items.acme-viewers.status" not in lines
    assert "placements.daily-rectangle.status" not in lines
    assert "advertisers.acme.consent_default" not in lines


def test_optional_keys() -> None:
    text = GOOD.replace('locale = "de_DE"', 'locale = "de_DE"\nconsent_default = "allow"')
    text = text.replace("holdout = 0", "holdout = 0.05").replace('status = "active"', "")
    text = text.replace('creative = "grid"', 'creative = "grid"\nstatus = "paused"') + 'status = "paused"\n'
    accounts = good(text).accounts
    assert accounts.advertisers["acme"].consent_default is ConsentDefault.ALLOW
    assert accounts.campaigns["acme-summer"] == Campaign(id="acme-summer", advertiser="acme", holdout=0.05)
    assert accounts.line_items["acme-viewers"].status is Status.PAUSED
    assert accounts.placements["daily-rectangle"].status is Status.PAUSED


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "[advertisers]", b"\xef\xbb\xbf" + GOOD.encode()])
def test_empty_files_and_byte_order_marks(text: str | bytes) -> None:
    good(text)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends_do_not_shift_lines(line_end: str) -> None:
    text = GOOD.replace("300x250", "big").replace("\n", line_end)
    assert [problem.line for problem in wrong(text.encode())] == [20]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('["Shop.Test", "shop.test."]', ("shop.test",)),
        ('["localhost", "shop.localhost"]', ("localhost", "shop.localhost")),
        ('["127.0.0.1", "[::1]", "2001:DB8::1"]', ("127.0.0.1", "::1", "2001:db8::1")),
        ('["Müller.example", "straße.example"]', ("xn--mller-kva.example", "xn--strae-oqa.example")),
        ('["my_shop.example", "a-b.c-d.example"]', ("my_shop.example", "a-b.c-d.example")),
        ('["xn--mller-kva.example"]', ("xn--mller-kva.example",)),
        ('["3d.example"]', ("3d.example",)),
    ],
)
def test_domains(written: str, kept: tuple[str, ...]) -> None:
    assert advertiser(f"domains = {written}").domains == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://shop.test/feed.xml?a=1&b=2", "https://shop.test/feed.xml?a=1&b=2"),
        ("feeds/../feed.xml", "/srv/accounts/feed.xml"),
        ("/data/feed 1.xml", "/data/feed 1.xml"),
        ("feed:1.xml", "/srv/accounts/feed:1.xml"),
    ],
)
def test_feed_sources(written: str, kept: str) -> None:
    assert good(GOOD.replace("feed.xml", written)).accounts.feeds["acme"].source == kept


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5min", 300), ("90min", 5_400), ("6h", 21_600), ("48h", 172_800), ("7d", 604_800), ("30d", 2_592_000)],
)
def test_times_of_a_feed(written: str, seconds: int) -> None:
    feed = good(GOOD.replace('"feed.xml"', f'"feed.xml"\nevery = "{written}"')).accounts.feeds["acme"]
    assert feed.every_s == seconds
    assert parse_span(span(seconds)) == seconds


def parse_span(written: str) -> int:
    return good(GOOD.replace('"feed.xml"', f'"feed.xml"\nevery = "{written}"')).accounts.feeds["acme"].every_s


def test_what_never_comes() -> None:
    keys = '"feed.xml"\nevery = "never"\nmax_age = "never"\nmax_loss = 1'
    feed = good(GOOD.replace('"feed.xml"', keys)).accounts.feeds["acme"]
    assert feed == Feed(advertiser="acme", source="/srv/accounts/feed.xml", every_s=0, max_age_s=0, max_loss=1.0)
    assert span(0) == "never"


def test_the_look_of_an_advertiser() -> None:
    look = 'locale = "de_DE"\nstrike_through = "claimed"\ncolor = "#0A5C36"'
    acme = good(GOOD.replace('locale = "de_DE"', look)).accounts.advertisers["acme"]
    assert (acme.strike_through, acme.color) == (StrikeThrough.CLAIMED, "#0a5c36")


def test_values_are_normalised() -> None:
    assert advertiser('name = "  Cafe\\u0301 \\U0001F469\\u200D\\U0001F680 "').name == "Café 👩\u200d🚀"
    assert advertiser('locale = "zh-Hant-TW"').locale == "zh_Hant_TW"


def caps(written: str) -> tuple[Cap, ...]:
    text = GOOD.replace('creative = "grid"', f'creative = "grid"\ncaps = {written}')
    return good(text).accounts.line_items["acme-viewers"].caps


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("[]", ()),
        ('["3/day"]', (Cap(3, 86_400),)),
        ('["20/week", "5/day", "2/30min"]', (Cap(2, 1_800), Cap(5, 86_400), Cap(20, 604_800))),
        ('["1/min"]', (Cap(1, 60),)),
        ('["999/179day", "1000/180day"]', (Cap(999, 179 * 86_400), Cap(1_000, 180 * 86_400))),
        ('["1/1hour", "2/2hour", "3/3hour", "4/4hour", "5/5hour", "6/6hour"]',
         tuple(Cap(n, n * 3_600) for n in range(1, 7))),
    ],
)  # fmt: skip
def test_caps(written: str, kept: tuple[Cap, ...]) -> None:
    assert caps(written) == kept


@pytest.mark.parametrize(
    ("window_s", "written"),
    [
        (60, "7/min"),
        (1_800, "7/30min"),
        (3_600, "7/hour"),
        (5_400, "7/90min"),
        (7_200, "7/2hour"),
        (86_400, "7/day"),
        (604_800, "7/week"),
        (14 * 86_400, "7/2week"),
        (180 * 86_400, "7/180day"),
    ],
)
def test_caps_are_written_as_they_are_read(window_s: int, written: str) -> None:
    assert str(Cap(7, window_s)) == written
    assert caps(f'["{written}"]') == (Cap(7, window_s),)


@given(st.integers(1, 1_000), st.integers(1, 180 * 24 * 60))
def test_every_cap_can_be_written(limit: int, minutes: int) -> None:
    assert caps(f'["{Cap(limit, minutes * 60)}"]') == caps(f'["{limit}/{minutes}min"]') == (Cap(limit, minutes * 60),)


CAP = "a cap such as"
WRONG_CAPS: list[tuple[str, int, str, str]] = [
    ('"3/day"', 0, 'a list of caps such as ["3/day", "2/30min"]', '"3/day"'),
    ("3", 0, "a list of caps", "3"),
    ("{day = 3}", 0, "a list of caps", "a table"),
    ('["1/min", "1/2min", "1/3min", "1/4min", "1/5min", "1/6min", "1/7min"]', 0, "a list of at most 6", "an array"),
    ("[3]", 0, CAP, "3"),
    ("[['3/day']]", 0, CAP, "an array"),
    ('["3/day",\n\n"often"]', 2, CAP, '"often"'),
    ('["day"]', 0, CAP, '"day"'),
    ('["3/"]', 0, CAP, '"3/"'),
    ('["/day"]', 0, CAP, '"/day"'),
    ('["3 / day"]', 0, CAP, '"3 / day"'),
    ('["3/day "]', 0, CAP, '"3/day "'),
    ('["3/day\\n"]', 0, CAP, '"3/day\\n"'),
    ('["3/Day"]', 0, CAP, '"3/Day"'),
    ('["3/month"]', 0, CAP, '"3/month"'),
    ('["3/0day"]', 0, CAP, '"3/0day"'),
    ('["-3/day"]', 0, CAP, '"-3/day"'),
    ('["0/day"]', 0, CAP, '"0/day"'),
    ('["٣/day"]', 0, CAP, '"٣/day"'),
    ('["3.5/day"]', 0, CAP, '"3.5/day"'),
    ('["99999/day"]', 0, CAP, '"99999/day"'),
    ('["1001/day"]', 0, "a cap of 1 to 1000 ads", '"1001/day"'),
    ('["1/181day"]', 0, "a window of one minute to 180 days", '"1/181day"'),
    ('["1/26week"]', 0, "a window of one minute to 180 days", '"1/26week"'),
    ('["1/999999week"]', 0, "a window of one minute to 180 days", '"1/999999week"'),
    ('["3/day", "5/24hour"]', 0, 'a window other than that of "3/day"', '"5/24hour"'),
    ('["1000/180day", "1/4320hour"]', 0, 'a window other than that of "1000/180day"', '"1/4320hour"'),
    ('["3/day",\n"3/day"]', 1, 'a window other than that of "3/day"', '"3/day"'),
]


@pytest.mark.parametrize(("written", "below", "expected", "found"), WRONG_CAPS)
def test_wrong_caps(written: str, below: int, expected: str, found: str) -> None:
    problems = wrong(GOOD.replace('creative = "grid"', f'creative = "grid"\ncaps = {written}'))
    assert [(problem.line, problem.key) for problem in problems] == [(15 + below, "line_items.acme-viewers.caps")]
    assert expected in problems[0].expected
    assert problems[0].found == found


# What is replaced in the example, by what; then line, key, a part of what was expected, what was found (of
# broken TOML: a part of it). The capitals are short for the four tables that have long names.
SHORT = {
    "A": "advertisers.acme",
    "C": "campaigns.acme-summer",
    "L": "line_items.acme-viewers",
    "P": "placements.daily-rectangle",
}
WRONG: list[tuple[str, str, int, str, str, str]] = [
    ('"300x250"', '"big"', 20, "P.size", 'a size like "300x250"', '"big"'),
    ('"300x250"', '"30000x250"', 20, "P.size", "a size like", '"30000x250"'),
    ('"300x250"', '"300X250"', 20, "P.size", "a size like", '"300X250"'),
    ('"300x250"', '"٣٠٠x٢٥٠"', 20, "P.size", "a size like", '"٣٠٠x٢٥٠"'),
    ('"300x250"', '["300x250"]', 20, "P.size", "a size like", "an array"),
    ('"300x250"', "300", 20, "P.size", "a size like", "300"),
    ("holdout = 0", "holdout = 1.5", 10, "C.holdout", "a number from 0 to 1", "1.5"),
    ("holdout = 0", "holdout = -0.1", 10, "C.holdout", "a number from 0 to 1", "-0.1"),
    ("holdout = 0", "holdout = nan", 10, "C.holdout", "a number from 0 to 1", "nan"),
    ("holdout = 0", "holdout = inf", 10, "C.holdout", "a number", "a very large number"),
    ("holdout = 0", "holdout = true", 10, "C.holdout", "a number from 0 to 1", "true"),
    ("holdout = 0", 'holdout = "0"', 10, "C.holdout", "a number from 0 to 1", '"0"'),
    ("holdout = 0", f"holdout = 0x{'f' * 9999}", 10, "C.holdout", "a number", "a very large number"),
    ('"active"', '"Active"', 11, "C.status", '"active" or "paused"', '"Active"'),
    ('"active"', "true", 11, "C.status", '"active" or "paused"', "true"),
    ('"active"', "[[1], {a = 1}]", 11, "C.status", '"active" or "paused"', "an array"),
    ('"EUR"', '"EURO"', 4, "A.currency", "an ISO 4217 currency", '"EURO"'),
    ('"EUR"', '"eur"', 4, "A.currency", "an ISO 4217 currency", '"eur"'),
    ('"de_DE"', '"xx_YY"', 5, "A.locale", "a locale such as", '"xx_YY"'),
    ('"de_DE"', '"../../etc"', 5, "A.locale", "a locale such as", '"../../etc"'),
    ('"de_DE"', "2026-01-01", 5, "A.locale", "a locale such as", "a date or time"),
    ('"Acme Shoes"', '" "', 2, "A.name", "a name of 1 to 200", '" "'),
    ('"Acme Shoes"', f'"{"x" * 201}"', 2, "A.name", "a name of 1 to 200", f'"{"x" * 60}…"'),
    ('"Acme Shoes"', '"a\\u202Eb"', 2, "A.name", "without control characters such as U+202E", '"a\\u202eb"'),
    ('"Acme Shoes"', '"a\\u0000b"', 2, "A.name", "such as U+0000", '"a\\u0000b"'),
    ('name = "Acme Shoes"', "", 1, "A.name", "a name of 1 to 200", "nothing"),
    ('name = "Acme Shoes"', 'name = """\nAcme\nShoes"""', 2, "A.name", "U+000A", '"Acme\\nShoes"'),
    ('["shop.test"]', "[]", 3, "A.domains", "a list of host", "an empty array"),
    ('["shop.test"]', '"shop.test"', 3, "A.domains", "a list of host", '"shop.test"'),
    ('["shop.test"]', '["*.shop.test"]', 3, "A.domains", "subdomains are covered", '"*.shop.test"'),
    ('["shop.test"]', '[".shop.test"]', 3, "A.domains", "subdomains are covered", '".shop.test"'),
    ('["shop.test"]', '["a.test",\n\n"https://b.test"]', 5, "A.domains", "without scheme", '"https://b.test"'),
    ('["shop.test"]', '["shop.test:80"]', 3, "A.domains", "without scheme, port", '"shop.test:80"'),
    ('["shop.test"]', '["com"]', 3, "A.domains", "a full host name", '"com"'),
    ('["shop.test"]', '["1.2.3"]', 3, "A.domains", "a list of host", '"1.2.3"'),
    ('["shop.test"]', '["a..test"]', 3, "A.domains", "a list of host", '"a..test"'),
    ('["shop.test"]', '["xn--a.test"]', 3, "A.domains", "a list of host", '"xn--a.test"'),
    ('["shop.test"]', '["a b.test"]', 3, "A.domains", "a list of host", '"a b.test"'),
    ('["shop.test"]', "[7]", 3, "A.domains", "a list of host", "7"),
    ('"feed.xml"', '""', 7, "A.feed.source", "an http(s) URL or a path", '""'),
    ('"feed.xml"', '"ftp://shop.test/f"', 7, "A.feed.source", "an http(s) URL", '"ftp://shop.test/f"'),
    ('"feed.xml"', '"http://[::1"', 7, "A.feed.source", "an http(s) URL", '"http://[::1"'),
    ('"feed.xml"', '"https://"', 7, "A.feed.source", "an http(s) URL", '"https://"'),
    *(
        ('"feed.xml"', f'"feed.xml"\n{key} = {written}', 8, f"A.feed.{key}", expected, found or written)
        for key, expected, values in (
            ("every", 'a time from "5min" to "30d" such as "6h"', ['"4min"', '"31d"', '"6hours"', '"0h"', "6"]),
            ("max_age", 'a time from "1h" to "365d" such as "7d"', ['"59min"', '"366d"', '"week"', "false"]),
            ("max_loss", "a number from 0 to 1", ["1.1", "-0.1", '"0.3"', "true"]),
        )
        for written, found in ((value, "") for value in values)
    ),
    ('locale = "de_DE"', 'locale = "de_DE"\ncolor = "green"', 6, "A.color", 'a colour such as "#0a5c36"', '"green"'),
    ('locale = "de_DE"', 'locale = "de_DE"\nstrike_through = "always"', 6, "A.strike_through", '"proven", "claimed"',
     '"always"'),
    ('source = "feed.xml"', "", 6, "A.feed.source", "an http(s) URL", "nothing"),
    ("source =", "sourcs =", 7, "A.feed.sourcs", '(did you mean "source"?)', '"sourcs"'),
    ("[advertisers.acme.feed]", "[[advertisers.acme.feed]]", 6, "A.feed", "a table such as", "an array"),
    ("holdout = 0", "holdouts = 0", 10, "C.holdouts", 'did you mean "holdout"?', '"holdouts"'),
    ("[line_items.", "[lineitems.", 12, "lineitems", 'did you mean "line_items"?', '"lineitems"'),
    ("[publishers.daily]", "[publishers.'the daily']", 15, 'publishers."the daily"', "an id", '"the daily"'),
    ("[publishers.daily]", '[publishers.""]', 15, 'publishers.""', "an id of 1 to 64", '""'),
    ('creative = "grid"', 'creative = "../x"', 14, "L.creative", "the id of a creative", '"../x"'),
    ('advertiser = "acme"', "advertiser = ['acme']", 9, "C.advertiser", "the id of", "an array"),
    (GOOD, "placements = 3", 1, "placements", "tables such as [placements.my-id]", "3"),
    (GOOD, "[[placements]]\n", 1, "placements", "tables such as [placements.my-id]", "an array"),
    (GOOD, "placements.a = 'x'", 1, "placements.a", "a table [placements.a]", '"x"'),
    ("holdout = 0", "holdout 0", 10, "C.holdout", "TOML", "expected '='"),
    ("holdout = 0", "holdout = ", 10, "C.holdout", "TOML", "invalid value"),
    ("holdout = 0", "%%", 10, "C", "TOML", "invalid statement"),
    ("holdout = 0", "advertiser = 'b'", 10, "C.advertiser", "TOML", "cannot overwrite"),
    ("[publishers.daily]", "[publishers.daily", 15, "publishers.daily", "TOML", "expected ']'"),
    (GOOD, f"a = {'[' * 5000}", 0, "the file", "TOML", "brackets nested too deeply"),
    (GOOD, "a = 1\x00", 1, "a", "TOML", "an error in it:"),
    (GOOD, "one of those lines of prose that somebody forgot to mark as a comment", 1, "one", "TOML", "expected '='"),
    (GOOD, f"b = 1\n{'a.' * 100_000}a = 1", 2, "a.a.a.a.a.a.a.a", "a key of at most 8 parts", "more"),
    (GOOD, f"\n[{'a.' * 100_000}a]", 2, "a.a.a.a.a.a.a.a", "a key of at most 8 parts", "more"),
    (GOOD, f"b = {{{'a . ' * 100_000}a = 1}}", 1, "a.a.a.a.a.a.a.a", "a key of at most 8 parts", "more"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "expected", "found"), WRONG)
def test_wrong_files(old: str, new: str, line: int, key: str, expected: str, found: str) -> None:
    assert old in GOOD
    short, _, rest = key.partition(".")
    key = f"{SHORT[short]}{'.' * bool(rest)}{rest}" if short in SHORT else key
    problems = [problem for problem in wrong(GOOD.replace(old, new, 1)) if problem.key == key]
    assert [problem.line for problem in problems] == [line]
    assert expected in problems[0].expected
    if problems[0].expected == "TOML":
        assert found in problems[0].found
    else:
        assert problems[0].found == found


def test_a_problem_reads_as_a_sentence() -> None:
    text = GOOD.replace("300x250", "big")
    assert [str(problem) for problem in wrong(text)] == [
        'line 20: placements.daily-rectangle.size: expected a size like "300x250", or "fluid", found "big"'
    ]


@pytest.mark.parametrize("address", ["ftp://me:secret@shop.test/f", "http://me:secret@shop.test:99999/f"])
def test_a_problem_holds_no_password(address: str) -> None:
    (problem,) = wrong(GOOD.replace('"feed.xml"', f'"{address}"'))
    assert problem.key == "advertisers.acme.feed.source"
    assert problem.found == f'"{address.replace("secret", "***")}"'


def test_all_problems_are_told_in_the_order_of_lines() -> None:
    text = GOOD.replace("300x250", "big").replace("EUR", "euro").replace("holdout", "holdup")
    assert [(problem.line, problem.key) for problem in wrong(text)] == [
        (4, "advertisers.acme.currency"),
        (10, "campaigns.acme-summer.holdup"),
        (20, "placements.daily-rectangle.size"),
    ]


def test_what_is_no_text_is_told() -> None:
    assert [str(p) for p in wrong(b"a = 1\nb = '\xff'")] == [
        "line 2: the file: expected UTF-8 text, found the byte 0xff"
    ]
    assert [str(p) for p in wrong("a = '\udcff'")] == ["the file: expected UTF-8 text, found half a surrogate pair"]
    assert [str(p) for p in wrong(b"#" * (MAX_BYTES + 1))] == [
        "the file: expected at most 1,000,000 bytes, found 1,000,001"
    ]


# The same placement, written in every way that TOML has; its size is wrong, on that line.
LAYOUTS = [
    (2, '[placements]\na = {publisher = "p", size = "SIZE"} # size'),
    (4, '[placements]\n\na.publisher = "p"\na.size = "SIZE"'),
    (3, '# "\nplacements.a.publisher = "p"\nplacements . "a" . size = "SIZE"'),
    (1, "placements = { 'a' = { publisher = \"p\", size = 'SIZE' } }"),
    (5, '[ placements . "\\u0061" ]\npublisher = """\\\n  p"""\n\nsize = """\n\nSIZE""" # SIZE'),
    (3, "[placements.a]\npublisher = '''p'''\n\"size\" = ['SIZE', [{}, {x = ']'}]]"),
    (8, '[publishers.p]\nname = "x = [1, # {"\ndomains = [ # ]\n  "a.test", # "]"\n]\n'
        '[placements.a]\npublisher = "p"\nsize = "SIZE"'),
    (8, '[publishers.p]\nname = """a\n[placements.a]\\"""\nsize = 1"""""\ndomains = ["a.test"]\n'
        '[placements.a]\npublisher = "p"\nsize = "SIZE"'),
    (5, "[publishers.p]\nname = '''''[a]\n''''\n[placements.a]\nsize = 'SIZE'\npublisher = 'p'"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "text"), LAYOUTS)
def test_lines_are_found_in_every_layout(line: int, text: str) -> None:
    found = [problem.line for problem in wrong(text) if problem.key == "placements.a.size"]
    assert found == [line]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=3,
)
NAMES = st.sampled_from(
    [
        "name",
        "domains",
        "currency",
        "locale",
        "feed",
        "consent_default",
        "holdout",
        "status",
        "caps",
        "every",
        "color",
        "strike_through",
        *[
            "advertiser",
            "rule",
            "arms",
            "labels",
            "bid",
            "budget",
            "offer",
            "fatigue",
            "start",
            "dayparts",
            "geo",
            "segment",
            "products",
            "time_zone",
        ],
    ]
)
TABLE_NAMES = st.sampled_from(
    [
        "advertisers",
        "campaigns",
        "line_items",
        "publishers",
        "placements",
        "segments",
        "product_sets",
        "experiments",
        "other",
    ]
)
ROWS = st.dictionaries(NAMES | st.text(max_size=4), VALUES, max_size=4)
DOCUMENTS = st.dictionaries(TABLE_NAMES, st.dictionaries(st.text(max_size=4), ROWS, max_size=2), max_size=3)


def toml(value: Any) -> str:
    """A value as TOML, on one line."""
    match value:
        case None:
            return "2026-01-01T00:00:00Z"
        case bool():
            return str(value).lower()
        case str():
            plain = json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False)
            return plain.replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    return repr(value)


@settings(deadline=None)
@given(DOCUMENTS)
def test_no_value_raises_and_problems_are_where_they_are_said_to_be(
    document: dict[str, dict[str, dict[str, Any]]],
) -> None:
    lines = []
    for table, rows in document.items():
        for account, row in rows.items():
            lines.append(f"[{table}.{toml(account)}]")
            lines += [f"{toml(name)} = {toml(value)}" for name, value in row.items()]
    parsed = parse_accounts("\n".join(lines), base_dir=BASE)
    if isinstance(parsed, AccountsFile):
        return
    assert parsed == sorted(parsed)
    for problem in parsed:
        assert str(problem).isprintable()
        line = lines[problem.line - 1]
        key = problem.key.split(".")[-1]
        if problem.found == "nothing":
            assert line.startswith("[") or "{" in line
        elif key.isidentifier() and len(problem.key.split(".")) == 3:
            assert line.startswith(f'"{key}" =')


FRAGMENTS = st.sampled_from(
    [
        *"[]{}=,.\"'\\\n# -\r\x00é\ufeff",
        "[[",
        "]]",
        '"""',
        "'''",
        "0x",
        "1e9",
        "nan",
        "true",
        "name",
        "placements",
    ]
)


@settings(deadline=None)
@given(st.lists(FRAGMENTS | st.text(max_size=4), max_size=60).map("".join) | st.binary(max_size=200))
def test_no_text_raises(text: str | bytes) -> None:
    parsed = parse_accounts(text, base_dir=BASE)
    assert isinstance(parsed, AccountsFile) or parsed


@pytest.mark.parametrize("piece", ["[", "{a=", 'a="""', '"', "'''", "[[a]]\n", 'a="\\"', "a=[\n", "#", "]", "=", "a\n"])
def test_hostile_files_are_read_quickly(piece: str) -> None:
    """A fifth of a megabyte of the same few characters; the suite would hang if anything here were quadratic."""
    assert wrong("x = 1\n" + piece * (200_000 // len(piece)))


@pytest.mark.parametrize("line", ["current{} = 1", '"{}" = 1', "a{}.a.a.a.a.a.a.a = 1", "[a{}.a.a.a.a.a.a.a]"])
def test_many_wrong_names_are_told_quickly(line: str) -> None:
    problems = wrong("\n".join(line.format(number) for number in range(10_000)))
    assert len(problems) == 10_000
    assert problems[-1].line == 10_000
