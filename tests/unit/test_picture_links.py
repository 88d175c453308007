"""The URLs of pictures: signed, the same for a week, read back as they were made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.service.picture_links import KEPT_WEEKS, MAX_SOURCE_BYTES, PATH, WEEK_S, PictureLinks, PictureUrls
from adserver.tracking.keyring import Keyring

SECRET, OTHER = b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya", b"an0ther-s3cret-of-thirty-2-chars"
NOW = 1_795_000_000
LINKS = PictureLinks(Keyring([SECRET], "picture"), base_url="https://ads.example")
SHOE = "https://cdn.shop.test/img/shoe.jpg"


def urls(*sources: str, now: float = NOW, letter: str = "S", color: str = "#aa0000") -> PictureUrls:
    return LINKS.of(sources, letter=letter, color=color, width=86, height=120, now=now)


def signed(url: str) -> str:
    return url.removeprefix("https://ads.example" + PATH)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200), max_size=4),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=1),
    st.sampled_from(["", "#000000", "#fedcba"]),
    st.integers(1, 2_000),
    st.integers(1, 2_000),
    st.integers(0, 4_000_000_000),
)
def test_what_was_written_is_read(
    sources: list[str], letter: str, color: str, width: int, height: int, now: int
) -> None:
    made = LINKS.of(sources, letter=letter, color=color, width=width, height=height, now=now)
    for url, density in ((made.url, 1), (made.url_2x, 2)):
        request = LINKS.read(signed(url), now)
        assert request is not None
        assert request[:5] == (tuple(sources[:2]), letter, color, width * density, height * density)


def test_urls_are_plain_and_one_path_segment() -> None:
    url = urls(SHOE, "https://cdn.shop.test/img/shoe-2.jpg?a=ü&b=\"'<>").url
    assert signed(url).replace("-", "").replace("_", "").isalnum()
    assert signed(url).isascii()


def test_any_other_text_is_not_ours() -> None:
    good = signed(urls(SHOE).url)
    assert LINKS.read(good, NOW)
    for at in range(len(good)):
        assert LINKS.read(good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :], NOW) is None
    for bad in ("", "x", good[:-1], good + "A", good + "=", good.lower(), "ä" + good, good * 2, "\0" * 40):
        assert LINKS.read(bad, NOW) is None


def test_no_other_signature_opens_it() -> None:
    for secret, purpose in ((OTHER, "picture"), (SECRET, "token"), (SECRET, "visitor")):
        foreign = PictureLinks(Keyring([secret], purpose), base_url="https://ads.example")
        made = foreign.of([SHOE], letter="S", color="", width=86, height=120, now=NOW)
        assert LINKS.read(signed(made.url), NOW) is None


def test_both_secrets_of_a_rotation_are_read() -> None:
    both = PictureLinks(Keyring([OTHER, SECRET], "picture"), base_url="")
    assert both.read(signed(urls(SHOE).url), NOW) is not None


def test_a_signed_text_of_another_version_is_no_picture() -> None:
    keyring = Keyring([SECRET], "picture")
    for body in ("AAAA", "A", "AAAAAAAAAP__", "AAAAAAAAAAAC__8"):
        assert LINKS.read(keyring.sign(body), 0) is None


def test_a_url_is_the_same_for_a_week_and_tells_when_it_changes() -> None:
    first = urls(SHOE)
    assert first.until - WEEK_S <= NOW < first.until
    assert urls(SHOE, now=first.until - 1) == first
    after = urls(SHOE, now=first.until)
    assert after.url != first.url
    assert after.until == first.until + WEEK_S


def test_weeks_do_not_begin_for_all_at_once() -> None:
    ends = {urls(f"{SHOE}?{number}").until for number in range(100)}
    assert len(ends) > 90
    assert max(ends) - min(ends) > WEEK_S / 2


def test_an_old_url_is_answered_for_a_while_and_then_no_more() -> None:
    made = urls(SHOE)
    last = made.until + KEPT_WEEKS * WEEK_S - 1
    assert LINKS.read(signed(made.url), last) is not None
    assert LINKS.read(signed(made.url), last + 1) is None
    assert LINKS.read(signed(made.url), made.until - 3 * WEEK_S) is None


def test_a_source_that_is_too_long_is_as_good_as_none() -> None:
    long = "https://shop.test/" + "ü" * (MAX_SOURCE_BYTES // 2)
    request = LINKS.read(signed(urls(long, SHOE).url), NOW)
    assert request is not None
    assert request.sources == (SHOE,)


@pytest.mark.parametrize("color", ["red", "#12345", "#12345g", "#1234567"])
def test_what_is_no_colour_is_none(color: str) -> None:
    request = LINKS.read(signed(urls(SHOE, color=color).url), NOW)
    assert request is not None
    assert request.color == ""
