"""HTTP itself: what keeps connections honest, and clients that behave badly on purpose."""

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from adserver.web.protocol import PATIENCE_S
from tests.http.conftest import GIF, Wire, cookies, failures, pixel, products_in, read_reply, request
from tests.server import Server

VIEW = "/pixel.gif?a=acme&e=page_view"


def test_a_connection_serves_many_requests(wire: Wire) -> None:
    with wire.connect() as connection, connection.makefile("rb") as stream:
        for _ in range(100):
            connection.sendall(request(VIEW))
            reply = read_reply(stream)
            assert reply is not None
            assert reply.body == GIF


def test_pipelined_requests_are_answered_in_their_order(wire: Wire) -> None:
    cookie = wire.view("SKU1")
    targets = []
    for number in range(100):
        targets += [pixel(a="acme", e="view_item", p=f"SKU{number}"), "/ad?placement=daily-rectangle", "/healthz"]
    replies = wire.batch((request(target, *cookies(cookie)) for target in targets), at_once=len(targets))
    for number in range(100):
        event, ad, health = replies[3 * number : 3 * number + 3]
        assert event.body == GIF
        assert products_in(ad.text)[0] == f"Product SKU{number}"
        assert health.body == b"ok\n"


def test_a_request_in_single_bytes(wire: Wire) -> None:
    with wire.connect() as connection, connection.makefile("rb") as stream:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(VIEW):
            connection.sendall(bytes([byte]))
        reply = read_reply(stream)
    assert reply is not None
    assert reply.body == GIF


def test_connection_close_closes(wire: Wire) -> None:
    replies = wire.send(request(VIEW, close=True) + request(VIEW, close=True))
    assert len(replies) == 1
    assert replies[0].header("connection") == "close"


def test_http_1_0_is_answered_and_closed(wire: Wire) -> None:
    (reply,) = wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert (reply.status, reply.body) == (200, b"ok\n")


def test_an_absolute_target_is_read_as_its_path(wire: Wire) -> None:
    reply = wire.get("http://evil.example/healthz")
    assert (reply.status, reply.body) == (200, b"ok\n")


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.2"])
def test_an_upgrade_is_not_taken_up(wire: Wire, upgrade: str) -> None:
    reply = wire.get(VIEW, ("Upgrade", upgrade), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"))
    assert (reply.status, reply.body) == (200, GIF)


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLING = {
    "length and chunked": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 38\r\n\r\n",
    "equal lengths": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "two lengths in one": b"Content-Length: 0, 38\r\n\r\n",
    "signed length": b"Content-Length: +0\r\n\r\n",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "hexadecimal length": b"Content-Length: 0x0\r\n\r\n",
    "huge length": b"Content-Length: 99999999999999999999999999\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunked first": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "blank before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded": b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
    "bare line feed": b"Foo: bar\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare carriage return": b"Foo: bar\rContent-Length: 38\r\n\r\n",
    "bad chunk size": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "chunk size and line feed": b"Transfer-Encoding: chunked\r\n\r\n0\n\n",
    "chunk with a longer body": b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("pair", SMUGGLING.values(), ids=SMUGGLING)
@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_what_two_readers_could_read_differently_ends_the_connection(wire: Wire, method: bytes, pair: bytes) -> None:
    """No second request is ever seen behind an ambiguous one."""
    replies = wire.send(method + b" /pixel.gif HTTP/1.1\r\nHost: x\r\n" + pair + SMUGGLED)
    assert [reply.body for reply in replies if reply.body == b"ok\n"] == []
    assert replies[-1].status == 400
    assert all(reply.status < 500 for reply in replies)


@pytest.mark.parametrize(
    "body", [b"5;name=value\r\nhello\r\n0\r\n\r\n", b'5;a="b;c\\"";d\r\nhello\r\n0;e\r\nX: y\r\n\r\n']
)
def test_chunks_with_extensions_are_read_past(wire: Wire, body: bytes) -> None:
    head = b"POST /pixel.gif HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    first, second = wire.send(head + body + request("/healthz", close=True))
    assert first.status == 405
    assert second.body == b"ok\n"


def test_expect_100_continue(wire: Wire) -> None:
    with wire.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(b"POST /pixel.gif HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        reply = read_reply(stream)
        assert reply is not None
        assert reply.status == 405  # refused without having asked for the body


@contextlib.contextmanager
def many_connections(wire: Wire, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(wire.connect()) for _ in range(count)]


def test_a_thousand_idle_connections_do_not_stop_service(wire: Wire) -> None:
    with many_connections(wire, 500) as silent, many_connections(wire, 500) as begun:
        for connection in begun:
            connection.sendall(b"GET /pixel.gif?a=acme HTTP/1.1\r\nHost: ")
        assert len(silent) == len(begun) == 500
        cookie = wire.view("SKU1")
        for _ in range(20):
            assert products_in(wire.ad(cookie).text) == ["Product SKU1"]


def test_a_client_that_never_reads_stops_nobody_else(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.setblocking(False)
        piece = request("/tag.js") * 200
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 64 * 2**20:
                sent += connection.send(piece)
        assert sent < 64 * 2**20, "the server reads requests without end although nobody takes its answers"
        for _ in range(20):
            assert wire.get(VIEW).body == GIF


def abort(connection: socket.socket) -> None:
    """Close with a reset, whatever is on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_thousand_cancelled_requests_mix_nobody_up(wire: Wire) -> None:
    """After clients that went away half-way, everybody still gets their own products and no one else's."""
    count = 1_000
    products = [f"SKU{number % 900}" for number in range(count)]  # other tests give those from SKU900 on other titles
    views = (request(pixel(a="acme", e="view_item", p=product)) for product in products)
    visitors = [reply.cookie for reply in wire.batch(views)]
    assert len(set(visitors)) == count
    ad = "/ad?placement=daily-rectangle"
    for number, cookie in enumerate(visitors):
        raw = request(ad, *cookies(cookie))
        connection = wire.connect()
        connection.sendall(raw if number % 3 else raw[: len(raw) - 1 - number % 50])
        abort(connection)
        if number % 10 == 0:
            assert products_in(wire.ad(cookie).text) == [f"Product {products[number]}"]
    replies = wire.batch(request(ad, *cookies(cookie)) for cookie in visitors)
    assert [products_in(reply.text) for reply in replies] == [[f"Product {product}"] for product in products]


@pytest.mark.parametrize("target", [VIEW, "/tag.js", "/ad?placement=daily-rectangle"])
def test_a_client_that_leaves_during_the_answer_leaves_no_trace(server: Server, wire: Wire, target: str) -> None:
    for _ in range(50):
        connection = wire.connect()
        connection.sendall(request(target) * 40)
        connection.recv(10)
        abort(connection)
    for _ in range(10):
        assert wire.get(VIEW).status == 200
    assert failures(server) == []


@pytest.mark.long
def test_a_head_that_dawdles_is_closed(wire: Wire) -> None:
    """Three slow ones: silent, half a head, and half of a second request behind a whole first one."""
    with wire.connect() as silent, wire.connect() as half, wire.connect() as second:
        half.sendall(b"GET /pixel.gif HTTP/1.1\r\nHost: ")
        second.sendall(request(VIEW) + b"GET /pixel.gif HTTP/1.1\r\nHost: ")
        for connection in (silent, half, second):
            connection.settimeout(3 * PATIENCE_S)
        assert silent.recv(1) == b""
        assert half.recv(1) == b""
        answer = b""
        while part := second.recv(65_536):
            answer += part
        assert answer.count(b"HTTP/1.1 200 OK") == 1


@pytest.mark.long
def test_a_connection_on_which_nothing_useful_comes_is_closed(wire: Wire) -> None:
    """A body that was answered before it came, whole or in chunks, and blank lines behind a whole request."""
    length = b"POST /pixel.gif HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx"
    chunks = b"POST /pixel.gif HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    blank = request(VIEW) + b"\r\n"
    with wire.connect() as first, wire.connect() as second, wire.connect() as third:
        for connection, raw in ((first, length), (second, chunks), (third, blank)):
            connection.settimeout(3 * PATIENCE_S)
            connection.sendall(raw)
        for connection in (first, second, third):
            assert connection.recv(65_536).startswith(b"HTTP/1.1 ")
        for connection, drop in ((first, b"x"), (second, b"1\r\nx\r\n"), (third, b"\r\n")):
            connection.sendall(drop)
        for connection in (first, second, third):
            while connection.recv(65_536):
                pass  # the rest of the answer; a connection that stays open runs into the time-out
