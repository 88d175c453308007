"""Answers recognised: where one ends, what kind it is, and what it must not be."""

import pytest

from benchmarks.answer import BLANK, Answers, BadAnswerError, Kind, Kinds, reason_of, values
from benchmarks.traffic import unexpected

PIXEL = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 5\r\nSet-Cookie: v=Ab; Path=/\r\n\r\nGIF\r\n"
NO_AD = b"HTTP/1.1 204 No Content\r\nx-adserver-reason: no_visitor\r\ncontent-length: 5\r\n\r\n"


def learned(data: bytes) -> tuple[int, Kind] | None:
    kinds = Kinds()
    found = Answers("pixel", kinds).learn(data)
    return None if found is None else (found[0], kinds.known[found[1]])


@pytest.mark.parametrize("cut", range(len(PIXEL)))
def test_the_size_is_known_as_soon_as_the_head_is_whole(cut: int) -> None:
    whole_head = cut >= PIXEL.index(BLANK) + len(BLANK)
    assert learned(PIXEL[:cut]) == ((len(PIXEL), Kind("pixel", 200, "", 5)) if whole_head else None)


def test_no_content_has_no_body_even_where_a_length_is_given() -> None:
    assert learned(NO_AD + PIXEL) == (len(NO_AD), Kind("pixel", 204, "no_visitor", 0))


def test_a_head_that_was_learned_is_known_by_its_bytes() -> None:
    answers = Answers("pixel", Kinds())
    found = answers.learn(PIXEL)
    assert answers.heads == {PIXEL[: PIXEL.index(BLANK)]: found}


def test_kinds_are_numbered_once_each() -> None:
    kinds = Kinds()
    first, second = Kind("pixel", 200, "", 43), Kind("ad", 200, "", 43)
    assert [kinds.number(kind) for kind in (first, second, first)] == [0, 1, 0]


def test_header_values_keep_their_case_and_all_come_out() -> None:
    twice = PIXEL.replace(BLANK, b"\r\nset-cookie: w=C\r\n\r\n")
    assert values(twice, b"set-cookie") == [b"v=Ab; Path=/", b"w=C"]
    assert reason_of(PIXEL.replace(BLANK, b"\r\nX-Adserver-Reason: consent\r\n\r\n")) == "consent"
    assert reason_of(PIXEL) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\ncontent-length: 1\r\n\r\na",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ],
)
def test_what_can_not_be_measured_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswerError):
        Answers("pixel", Kinds()).learn(data)


def test_only_a_full_answer_is_expected() -> None:
    counts = {
        Kind("pixel", 200, "", 43): 5,
        Kind("click", 302, "", 0): 4,
        Kind("click", 200, "", 0): 3,
        Kind("ad", 204, "overload", 0): 2,
        Kind("ad", 503, "", 0): 1,
        Kind("pixel", 0, "no answer", 0): 1,
    }
    always = {"click 200": 3, "ad 503": 1, "pixel no answer": 1}
    assert unexpected(counts) == {**always, "ad 204 overload": 2}
    assert unexpected(counts, ("overload", "no answer")) == always
