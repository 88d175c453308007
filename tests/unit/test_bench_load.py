"""The load generator: where an answer ends, and which latency is the 99th percentile."""

import asyncio
from collections import Counter

import pytest

from benchmarks.load import Address, LoadError, Measurement, fetch_all, measure, percentile
from benchmarks.response import BadResponseError, Response, ResponseParser

PIXEL = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 5\r\nSet-Cookie: v=Ab; Path=/\r\n\r\nGIF\r\n"
NO_AD = b"HTTP/1.1 204 No Content\r\nx-adserver-reason: no_visitor\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"


def feed_in_parts(parts: list[bytes]) -> list[Response]:
    parser = ResponseParser()
    return [response for part in parts for response in parser.feed(part)]


@pytest.mark.parametrize("cut", range(len(PIXEL) + 1))
def test_an_answer_is_whole_however_it_was_cut(cut: int) -> None:
    (response,) = feed_in_parts([PIXEL[:cut], PIXEL[cut:]])
    assert response == Response(200, PIXEL[:-5], 5)


def test_an_answer_may_come_byte_by_byte() -> None:
    stream = PIXEL + NO_AD + EARLY + PIXEL
    assert [r.status for r in feed_in_parts([bytes([byte]) for byte in stream])] == [200, 204, 200]


def test_nothing_comes_out_before_the_last_byte() -> None:
    parser = ResponseParser()
    assert parser.feed(PIXEL[:-1]) == []
    assert len(parser.feed(PIXEL[-1:])) == 1


@pytest.mark.parametrize("cut", range(len(NO_AD) + len(PIXEL) + 1))
def test_pipelined_answers_come_out_in_order(cut: int) -> None:
    stream = NO_AD + PIXEL
    assert [(r.status, r.body_bytes) for r in feed_in_parts([stream[:cut], stream[cut:]])] == [(204, 0), (200, 5)]


def test_no_content_has_no_body_even_where_a_length_is_given() -> None:
    head = b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n"
    assert [r.status for r in feed_in_parts([head + PIXEL])] == [204, 200]


def test_header_values_keep_their_case_and_all_come_out() -> None:
    (response,) = feed_in_parts([PIXEL.replace(b"\r\n\r\n", b"\r\nset-cookie: w=C\r\n\r\n")])
    assert response.values(b"set-cookie") == [b"v=Ab; Path=/", b"w=C"]


@pytest.mark.parametrize(
    "stream",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\ncontent-length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    ],
)
def test_what_can_not_be_measured_is_refused(stream: bytes) -> None:
    with pytest.raises(BadResponseError):
        ResponseParser().feed(stream)


def test_percentiles_are_values_that_occurred() -> None:
    hundred = range(1, 101)
    assert [percentile(hundred, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([7], 0.99) == 7
    assert percentile([], 0.5) == 0


async def measured(answer: bytes, *, answers_until_close: int = 1_000_000) -> tuple[Measurement, Counter[bytes]]:
    """What the generator makes of a server that always says ``answer``, and what it asked."""
    asked: Counter[bytes] = Counter()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(answers_until_close):
            request = await reader.read(1_000)
            if not request:
                break
            asked[request] += 1
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = Address(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        requests = [b"GET /a HTTP/1.1\r\n\r\n", b"GET /b HTTP/1.1\r\n\r\n"]
        found = await measure(address, requests, connections=2, warm_up_s=0.01, seconds=0.05)
        if found.failures:
            with pytest.raises(LoadError):
                await fetch_all(address, requests, connections=1)
        return found, asked


def test_good_answers_are_counted_and_requests_go_round() -> None:
    found, asked = asyncio.run(measured(PIXEL))
    assert found.failures == {}
    assert 0 < found.answers <= asked.total()
    assert found.body_bytes == 5
    assert 0 < found.p50_ms <= found.p99_ms
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (NO_AD, "status 204, reason no_visitor"),
        (PIXEL.replace(b"\r\n\r\n", b"\r\nX-Adserver-Reason: consent\r\n\r\n"), "status 200, reason consent"),
        (PIXEL + PIXEL, "more than one answer to one request"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "status 200 without Content-Length"),
    ],
)
def test_what_was_not_expected_is_a_failure(answer: bytes, failure: str) -> None:
    found, _ = asyncio.run(measured(answer))
    assert set(found.failures) == {failure}


def test_a_closed_connection_is_a_failure() -> None:
    found, _ = asyncio.run(measured(PIXEL, answers_until_close=1))
    assert found.failures == {"connection lost: closed by the server": 2}
