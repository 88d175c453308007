"""One table of requests through both doors: the fast lane answers, byte for byte, what plain ASGI answers."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.conftest import Header, pixel, request
from tests.http.doors import LAST, Doors, House, Served, normal, open_house
from tests.http.table import AD, CRAWLER, HEADERS, HOT, PIXEL, RAW, Signed, table

TABLE = table()
OF_HEADERS = {f"{target} {name}": request(target, *headers) for target in HOT for name, headers in HEADERS.items()}
FORWARDED = {name: raw for name, raw in OF_HEADERS.items() if "forwarded" in name or "secure" in name}
UPGRADES = {"websocket", "h2c"}
"""Whatever stands behind one of these in the same segment is not read: it may be of another protocol."""

QUICK = {"timeout_keep_alive": 0.1}
"""What does not end a connection by itself is not waited for longer."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened
        assert opened.problems == []


@pytest.fixture(scope="module")
def doors(house: House) -> Iterator[Doors]:
    with house.open(options=QUICK) as opened:
        yield opened


def visitors_at(doors: Doors, cookie: str = "adserver") -> list[Signed]:
    """For each door a visitor of its own, who has looked at three products: both doors have the same history."""
    found = []
    for served in doors.both():
        signed = Signed(secrets.token_urlsafe(16), cookie)
        view = request(pixel(a="acme", e="view_item", p=["SKU1", "SKU2", "SKU3"]), ("Cookie", "@cookie@"))
        (reply,) = served.replies(signed.fill(view), 1)
        assert (reply.status, reply.reason) == (200, ""), reply
        found.append(signed)
    return found


def answers(served: Served, visitor: Signed, raw: bytes) -> bytes:
    """All that is said to a request, and to one behind it that tells whether the connection was kept."""
    return normal(served.bytes_of(visitor.fill(raw) + LAST))


def through_both(doors: Doors, rows: Mapping[str, bytes], cookie: str = "adserver") -> dict[str, tuple[bytes, bytes]]:
    """What the fast lane and the plain door answer to each request."""
    visitors = visitors_at(doors, cookie)
    found = {}
    for name, raw in rows.items():
        fast, plain = (answers(served, who, raw) for served, who in zip(doors.both(), visitors, strict=True))
        found[name] = (fast, plain)
    return found


def check_same(found: Mapping[str, tuple[bytes, bytes]]) -> list[bytes]:
    """What both said, in the order of the rows."""
    different = [
        f"{name}:\n  fast  {fast[:600]!r}\n  plain {plain[:600]!r}"
        for name, (fast, plain) in found.items()
        if fast != plain
    ]
    assert not different, f"{len(different)} of {len(found)} differ:\n" + "\n".join(different[:20])
    assert all(fast for fast, _ in found.values())
    return [fast for fast, _ in found.values()]


def compare(doors: Doors, rows: Mapping[str, bytes], cookie: str = "adserver") -> list[bytes]:
    """Each request through both doors, which must agree."""
    return check_same(through_both(doors, rows, cookie))


@pytest.fixture(scope="module")
def answered(doors: Doors) -> dict[str, tuple[bytes, bytes]]:
    """The whole table."""
    return through_both(doors, TABLE)


def test_the_whole_table(answered: dict[str, tuple[bytes, bytes]]) -> None:
    assert len(answered) > 1_000
    found = check_same(answered)
    statuses = {int(answer.split()[1]) for answer in found}
    assert statuses >= {200, 204, 302, 400, 404, 405, 414, 431}  # the table means something
    reasons = {reason for answer in found for reason in re.findall(rb"x-adserver-reason: (\w+)", answer)}
    assert len(reasons) > 20


COLD = request("/nothing-here")


def test_one_after_the_other(doors: Doors) -> None:
    """Most requests come alone and whole: then the fast lane does without the parser where it has read the head before.
    First it has not, then it has; then another request was on the connection before, for which it needed the parser."""
    alone = {name: raw for name, raw in TABLE.items() if raw.endswith(b"\r\n\r\n") and raw.count(b"\r\n\r\n") == 1}
    rows = {name: raw for name, raw in alone.items() if not re.search(rb"(?i)\n(content-length|transfer-enc)", raw)}
    assert len(rows) > 900
    visitors = visitors_at(doors)
    found = {}
    for name, raw in rows.items():
        for number, before in enumerate([(), (), (COLD,)]):
            both = zip(doors.both(), visitors, strict=True)
            fast, plain = (normal(served.bytes_in_turn(*before, who.fill(raw), LAST)) for served, who in both)
            found[f"{name}, {number}"] = fast, plain
    check_same(found)


def test_the_fast_lane_is_what_answers(house: House) -> None:
    """Else the whole comparison would compare nothing: a hot request makes no task, a cold one does."""
    with house.open() as doors:
        for served, expected in ((doors.fast, "HotCycle"), (doors.plain, "RequestResponseCycle")):
            with served.wire.connect() as connection:
                connection.sendall(request(AD))
                assert connection.recv(65_536).startswith(b"HTTP/1.1 204 ")
                (protocol,) = served.server.server_state.connections
                assert type(protocol.cycle).__name__ == expected  # type: ignore[union-attr]


def test_the_parser_is_asked_once_for_a_head(house: House) -> None:
    with house.open() as doors, doors.fast.wire.connect() as connection:
        for number in range(5):
            connection.sendall(request(f"{AD}&number={number}"))
            assert connection.recv(65_536).startswith(b"HTTP/1.1 204 ")
        (protocol,) = doors.fast.server.server_state.connections
        assert protocol.lanes.heads.counts() == (1, 4)  # type: ignore[union-attr]


@pytest.mark.parametrize("proxies", ["127.0.0.1", "127.0.0.0/8, 198.51.100.0/24", "*", "10.0.0.0/8"])
def test_forwarded_headers(house: House, proxies: str) -> None:
    """From a proxy that is trusted, one of several, any at all, and one that is not trusted."""
    with house.open(options=QUICK, ADSERVER_TRUSTED_PROXIES=proxies) as doors:
        found = compare(doors, FORWARDED)
    assert any(b"set-cookie: __Host-" in answer for answer in found) is (proxies != "10.0.0.0/8")


def test_behind_https(house: House) -> None:
    with house.open(options=QUICK, ADSERVER_PUBLIC_URL="https://ads.test") as doors:
        found = compare(doors, OF_HEADERS, cookie="__Host-adserver")
    assert all(b"Secure" in answer for answer in found if b"set-cookie" in answer)
    assert any(b"https://ads.test/i/" in answer for answer in found)


def test_a_rate_limit_by_the_forwarded_address(house: House) -> None:
    with house.open(ADSERVER_TRUSTED_PROXIES="127.0.0.1", ADSERVER_RATE_LIMIT="1") as doors:
        for served, network in ((doors.fast, "198.51.100"), (doors.plain, "203.0.113")):
            raw = [request(target, ("X-Forwarded-For", f"{network}.{n}")) for n in range(10) for target in (PIXEL, AD)]
            reasons = [reply.reason for reply in served.replies(b"".join(raw), len(raw))]
            assert "rate_limited" not in reasons[:5]
            assert "rate_limited" in reasons[5::2]
            assert "rate_limited" in reasons[6::2]
            (elsewhere,) = served.replies(request(PIXEL, ("X-Forwarded-For", f"10.0.{network[:2]}.1")), 1)
            assert elsewhere.reason == ""


def test_at_the_limit_of_connections(house: House) -> None:
    with house.open(options={**QUICK, "limit_concurrency": 1}) as doors:
        for served in doors.both():
            assert served.bytes_of(request(PIXEL, close=True)).startswith(b"HTTP/1.1 503 ")
        rows = {name: raw for name, raw in TABLE.items() if name in OF_HEADERS or name.startswith("path")}
        different = {
            name: both
            for name, raw in rows.items()
            if (both := [answers(served, Signed("v" * 22), raw) for served in doors.both()])[0] != both[1]
        }
        assert not different
    with house.open(options={"limit_concurrency": 3}) as doors:
        for served in doors.both():
            with served.wire.connect() as first, served.wire.connect() as second:
                for connection in (first, second):
                    connection.sendall(request(AD))
                    assert connection.recv(65_536).startswith(b"HTTP/1.1 204 ")
                assert served.bytes_of(request(AD, close=True)).startswith(b"HTTP/1.1 503 ")
                first.sendall(request(AD))
                assert first.recv(65_536).startswith(b"HTTP/1.1 204 ")


def test_access_log_lines(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "adserver.access")
    rows = [request(target) for target in HOT] + [request(PIXEL + "&secret=1", method=m) for m in ("HEAD", "POST")]
    rows += [request(AD, ("User-Agent", CRAWLER)), request("/c/forged")]
    rows += [request(PIXEL, ("X-Forwarded-For", "198.51.100.7"))]
    lines = []
    with house.open(ADSERVER_ACCESS_LOG="1", ADSERVER_TRUSTED_PROXIES="127.0.0.1") as doors:
        for served in doors.both():
            caplog.clear()
            for raw in rows:
                assert answers(served, Signed("v" * 22), raw)
            written = [record.getMessage() for record in caplog.records if record.name == "adserver.access"]
            lines.append([re.sub(r"\d+\.\d ms", "@ ms", line) for line in written if "/healthz" not in line])
    assert lines[0] == lines[1]
    assert lines[0][0] == "GET /pixel.gif 200 @ ms 127.0.0.0/24"
    assert lines[0][-1] == "GET /pixel.gif 200 @ ms 198.51.100.0/24"
    assert len(lines[0]) == len(rows) - 1  # for a path that is not there, no handler answers


TWO = request(PIXEL, ("Cookie", "@cookie@")) + request(AD, ("Cookie", "@cookie@"))


def in_parts(raw: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut at these places."""
    places = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    return [raw[begin:end] for begin, end in pairwise(places)]


def check_cut(doors: Doors, visitors: Sequence[Signed], raw: bytes, cuts: Sequence[int]) -> None:
    """However the bytes arrive, both doors answer what they answer to them in one piece."""
    for served, visitor in zip(doors.both(), visitors, strict=True):
        filled = visitor.fill(raw) + LAST
        cut = normal(served.bytes_of(*in_parts(filled, cuts)))
        assert cut == answers(served, visitor, raw)


def test_cut_in_two_at_every_byte(doors: Doors) -> None:
    visitors = visitors_at(doors)
    whole = [answers(served, who, TWO) for served, who in zip(doors.both(), visitors, strict=True)]
    assert whole[0] == whole[1]
    assert whole[0].count(b"HTTP/1.1 200 OK") == 3
    filled = [who.fill(TWO) + LAST for who in visitors]
    for cut in range(1, len(filled[0])):
        for served, raw in zip(doors.both(), filled, strict=True):
            assert normal(served.bytes_of(raw[:cut], raw[cut:])) == whole[0], cut


@pytest.mark.parametrize("name", ["get-with-body", "post-chunked", "obs-fold-cookie", "http-1.0-keep-alive", "no-host"])
@pytest.mark.parametrize("target", [PIXEL, AD, "/c/@click@"])
def test_in_single_bytes(doors: Doors, target: str, name: str) -> None:
    raw = RAW[name].replace(b"%b", target.encode())
    visitors = visitors_at(doors)
    sent = []
    for served, who in zip(doors.both(), visitors, strict=True):
        filled = who.fill(raw) + LAST
        sent.append(normal(served.bytes_of(*(bytes([byte]) for byte in filled))))
    assert sent[0] == sent[1]
    assert sent[0].startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("size", [125_000, 130_500, 131_500, 140_000])
@pytest.mark.parametrize("piece", [8_000, 60_000, 120_000, 200_000])
def test_a_large_head_in_pieces(doors: Doors, size: int, piece: int) -> None:
    """Refused from the same size on, however it arrives; or not even read to its end."""
    pads = [(f"X-{n}", "x" * 8_000) for n in range(size // 8_000)]
    raw = request(AD, *pads, ("X-Rest", "x" * (size - sum(len(value) for _, value in pads))))
    fast, plain = (normal(served.bytes_of(*in_parts(raw + LAST, range(0, size, piece)))) for served in doors.both())
    assert fast == plain
    assert fast.startswith(b"HTTP/1.1 204 " if size < 131_000 else b"HTTP/1.1 431 ")


class Requests(list[bytes]):
    """Too many to be shown."""

    def __repr__(self) -> str:
        return f"{len(self)} requests"


@pytest.fixture(scope="module")
def parsable(answered: dict[str, tuple[bytes, bytes]]) -> Requests:
    """Requests behind which others may stand. What the parser refuses ends the connection at once, and how much of
    what stood before it was answered by then is left to chance."""
    ends = re.compile(rb"\AHTTP/1.1 (400|414|431)")
    return Requests(
        TABLE[name]
        for name, (fast, _) in answered.items()
        if not ends.match(fast) and not re.search("CONNECT|websocket|h2c|broken|two-lengths|and-chunks", name)
    )


NAMES = ["Cookie", "Origin", "Referer", "Sec-GPC", "User-Agent", "X-Purpose", "Sec-Fetch-Site", "Connection", "X-Odd"]
VALUES = st.one_of(
    st.sampled_from([value for headers in HEADERS.values() for _, value in headers if len(value) < 500]),
    st.binary(max_size=30).filter(lambda value: not re.search(rb"[\r\n@]", value)),
)
MADE: st.SearchStrategy[list[Header]] = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6)
CUTS = st.lists(st.integers(0, 4_000), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=6), CUTS)
def test_any_pipeline_cut_anywhere(doors: Doors, parsable: Requests, numbers: list[int], cuts: list[int]) -> None:
    check_alike(doors, b"".join(parsable[number % len(parsable)] for number in numbers), cuts, "p")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(HOT), MADE, CUTS)
def test_any_headers(doors: Doors, target: str, headers: list[Header], cuts: list[int]) -> None:
    check_alike(doors, request(target, *headers), cuts, "h")
    check_alike_in_turn(doors, request(target, *headers), "i")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["/pixel.gif", "/ad", "/ads", "/i/", "/c/"]), st.binary(max_size=40), CUTS)
def test_any_bytes_in_the_target(doors: Doors, path: str, more: bytes, cuts: list[int]) -> None:
    raw = request(path.encode() + more.replace(b"@", b"?"))
    check_alike(doors, raw, cuts, "t")
    check_alike_in_turn(doors, raw, "u")


def check_alike(doors: Doors, raw: bytes, cuts: Sequence[int], who: str) -> None:
    """Both doors, each for a visitor of its own that nobody else writes: they know the same of both."""
    visitors = [Signed(who * 21 + letter) for letter in "AQ"]
    fast, plain = (
        normal(served.bytes_of(*in_parts(visitor.fill(raw) + LAST, cuts)))
        for served, visitor in zip(doors.both(), visitors, strict=True)
    )
    assert fast == plain


def check_alike_in_turn(doors: Doors, raw: bytes, who: str) -> None:
    """The same with nothing behind it until it is answered."""
    visitors = [Signed(who * 21 + letter) for letter in "AQ"]
    fast, plain = (
        normal(served.bytes_in_turn(visitor.fill(raw), LAST))
        for served, visitor in zip(doors.both(), visitors, strict=True)
    )
    assert fast == plain
