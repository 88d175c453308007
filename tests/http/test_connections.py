"""Connections as both doors keep them: order, patience, back-pressure, and an end at which nothing is left behind."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from adserver.web.context import Context
from adserver.web.door import Door
from adserver.web.responses import Answer, gif, text
from tests.http.conftest import GIF, read_reply, request
from tests.http.doors import LAST, Doors, House, Served, normal, open_house, until_left
from tests.server import DEADLINE_S, until

BIG = b"x" * 32_768
DOORS = pytest.mark.parametrize("name", ["fast", "plain"])


class Stage:
    """Handlers whose course a test decides. ``/pixel.gif`` waits until ``release``; ``/ad`` says its query at once,
    ``/c/...`` its path, ``/healthz`` its query by the plain door; ``/ads`` says a lot; ``/i/...`` breaks."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._gate = asyncio.Event()
        self.waiting = self.ended = self.big = 0
        self.cancels = False

    def doors(self) -> dict[str, Door]:
        return {
            "/pixel.gif": Door(self._wait, "/pixel.gif"),
            "/ad": Door(_say, "/ad"),
            "/ads": Door(self._say_a_lot, "/ads"),
            "/i/{token}": Door(_break, "/i/", fallback=gif(None)),
            "/c/{token}": Door(_say, "/c/"),
            "/healthz": Door(_say, "/healthz"),
        }

    def has_begun(self, count: int) -> bool:
        """So many wait, or have waited."""
        return self.waiting == count

    def release(self) -> None:
        """Whoever waits goes on, and nobody waits any more."""
        self._house.loop.call_soon_threadsafe(self._gate.set)

    async def _wait(self, context: Context) -> Answer:
        self.waiting += 1
        if self.cancels:
            gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(gone.cancel)
            await gone
        await self._gate.wait()
        await asyncio.sleep(0)
        self.ended += 1
        return await _say(context)

    async def _say_a_lot(self, context: Context) -> Answer:
        self.big += 1
        return Answer(200, [(b"content-length", b"%d" % len(BIG)), (b"x-query", context.query)], BIG)


async def _say(context: Context) -> Answer:
    return text(200, context.path + "?" + context.query.decode())


async def _break(context: Context) -> Answer:
    await asyncio.sleep(0)
    raise RuntimeError("broken on purpose")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened
        assert opened.problems == []


@contextmanager
def staged(house: House, **options: Any) -> Iterator[tuple[Stage, Doors]]:
    """Both doors with these handlers; afterwards nothing of them is left."""
    before = house.tasks()
    stage = Stage(house)
    with house.open_doors(stage.doors(), **options) as doors:
        try:
            yield stage, doors
        finally:
            stage.release()
        for served in doors.both():
            if not served.ended.done():
                until_left(served)
    assert house.tasks() == before
    assert house.problems == []


def served_by(doors: Doors, name: str) -> Served:
    return doors.fast if name == "fast" else doors.plain


def bodies(raw: bytes) -> list[str]:
    """The lines that the handlers said."""
    return [line for line in raw.decode("latin-1").splitlines() if line.startswith("/")]


def protocol_of(served: Served) -> Any:
    (protocol,) = served.server.server_state.connections
    return protocol


def is_silent(connection: socket.socket) -> bool:
    """Nothing has come so far."""
    connection.setblocking(False)
    try:
        return not connection.recv(1)
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(DEADLINE_S)


@DOORS
def test_two_hundred_in_one_segment_are_answered_in_order(house: House, name: str) -> None:
    with staged(house) as (_, doors):
        targets = [("/ad?", "/healthz?", "/c/x?", "/nothing?")[n % 4] + str(n) for n in range(200)]
        replies = served_by(doors, name).replies(b"".join(map(request, targets)) + LAST, 201)
        for target, reply in zip(targets, replies, strict=False):
            assert reply.text == ("Not found\n" if "nothing" in target else f"{target}\n")


@DOORS
def test_what_is_ready_waits_behind_what_is_not(house: House, name: str) -> None:
    """Quick answers of either door, and one that the router refuses, behind a slow one."""
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        targets = ["/pixel.gif?0", "/ad?1", "/healthz?2", "/pixel.gif?3", "/c/y?4"]
        raw = b"".join(map(request, targets)) + request("/ad?5", method="POST") + request("/healthz?6", close=True)
        with served.wire.connect() as connection:
            connection.sendall(raw)
            until(lambda: stage.waiting == 1, what="the slow one")
            assert served.bytes_of(LAST)  # others are not held up
            assert is_silent(connection)
            assert stage.waiting == 1
            stage.release()
            with connection.makefile("rb") as stream:
                answered = stream.read()
        assert bodies(answered) == [*targets, "/ad?5", "/healthz?6"]


@DOORS
@pytest.mark.parametrize("line", [["/pixel.gif?0"], ["/pixel.gif?0", "/healthz?1", "/pixel.gif?2"]])
def test_what_the_parser_refuses_waits_for_its_turn(house: House, name: str, line: list[str]) -> None:
    """Else a client would take the refusal for the answer to its first request."""
    with staged(house) as (stage, doors):
        with served_by(doors, name).wire.connect() as connection:
            connection.sendall(
                b"".join(map(request, line)) + b"GET /ad HTTP/1.1\r\nbad header\r\n\r\n" + request("/ad?9")
            )
            until(lambda: stage.waiting == 1, what="the slow one")
            assert is_silent(connection)
            stage.release()
            with connection.makefile("rb") as stream:
                answered = stream.read()
        assert bodies(answered) == line
        *_, last = answered.decode().split("HTTP/1.1 ")
        assert last.startswith("400 ")


@DOORS
def test_a_handler_whose_future_is_cancelled_ends_the_connection(house: House, name: str) -> None:
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        stage.cancels = True
        with served.wire.connect() as connection:
            connection.sendall(request("/pixel.gif"))
            assert connection.recv(1) in (b"", b"H")  # gone, or uvicorn's own answer
        stage.cancels = False
        assert served.bytes_of(LAST)


@DOORS
def test_a_client_that_does_not_read_is_not_read_from(house: House, name: str) -> None:
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        count = 600
        raw = b"".join(request(f"/ads?{number}", ("X-Pad", "x" * 2_000)) for number in range(count))
        with served.wire.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            sender = threading.Thread(target=connection.sendall, args=(raw,))
            sender.start()
            until(lambda: stage.big and protocol_of(served).flow.write_paused, what="a full buffer")
            until(lambda: protocol_of(served).flow.read_paused, what="an end of reading")
            held = protocol_of(served).transport.get_write_buffer_size()
            assert held < 1_000_000
            assert stage.big < count / 2
            assert served.bytes_of(LAST)  # and others are served
            with connection.makefile("rb") as stream:
                for number in range(count):
                    reply = read_reply(stream)
                    assert reply is not None
                    assert (reply.header("x-query"), len(reply.body)) == (str(number), len(BIG))
            sender.join(DEADLINE_S)
        assert stage.big == count


@DOORS
def test_a_slow_answer_meets_a_full_buffer(house: House, name: str) -> None:
    """It has to wait for the client to read again, and so has all that follows."""
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        raw = b"".join(request(f"/ads?{number}") for number in range(200)) + request("/pixel.gif?x") + request("/ad?y")
        with served.wire.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            connection.sendall(raw)
            until(lambda: stage.big and protocol_of(served).flow.write_paused, what="a full buffer")
            stage.release()
            with connection.makefile("rb") as stream:
                replies = [read_reply(stream) for _ in range(202)]
        assert [reply and reply.text for reply in replies[-2:]] == ["/pixel.gif?x\n", "/ad?y\n"]


@DOORS
def test_a_client_that_has_said_all(house: House, name: str) -> None:
    """Half a close is a close: what is not answered by then is not answered, and nothing goes on for it."""
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        with served.wire.connect() as connection:
            connection.sendall(request("/pixel.gif"))
            until(lambda: stage.waiting == 1, what="the slow one")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
        stage.release()
        until(lambda: stage.ended == 1, what="the end of the handler")


@DOORS
def test_a_client_that_has_said_all_while_others_stand_in_line(house: House, name: str) -> None:
    """Its end is not read before they are answered."""
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        with served.wire.connect() as connection:
            connection.sendall(request("/pixel.gif") + request("/ad") * 5)
            until(lambda: stage.waiting == 1, what="the slow one")
            connection.shutdown(socket.SHUT_WR)
            stage.release()
            with connection.makefile("rb") as stream:
                answered = bodies(stream.read())
        assert answered[0] == "/pixel.gif?"


@DOORS
@pytest.mark.parametrize("behind", [b"", request("/pixel.gif") * 2 + request("/healthz") + request("/ad")])
def test_a_client_that_goes_away(house: House, name: str, behind: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The handler comes to its end and nobody complains; while others stand in line it is noticed only then."""
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        for number in range(1, 21):
            connection = served.wire.connect()
            connection.sendall(request("/pixel.gif") + behind)
            until(partial(stage.has_begun, number), what="the slow one")
            connection.close()
        if not behind:
            until(lambda: not served.server.server_state.connections, what="the end of all connections")
        stage.release()
        until(lambda: stage.ended >= 20, what="the end of the handlers")
        until_left(served)
        assert stage.ended == stage.waiting
        assert served.bytes_of(LAST)
    assert [record for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []


@DOORS
def test_behind_the_last_request_nothing_is_answered(house: House, name: str) -> None:
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        with served.wire.connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(request("/pixel.gif?1", close=True) + request("/pixel.gif?2") + request("/ad?3"))
            until(lambda: stage.waiting == 1, what="the slow one")
            stage.release()
            assert bodies(stream.read()) == ["/pixel.gif?1"]
        assert stage.waiting == 1


@DOORS
def test_an_idle_connection_ends_and_a_busy_one_does_not(house: House, name: str) -> None:
    with staged(house, timeout_keep_alive=0.15) as (stage, doors):
        served = served_by(doors, name)
        with served.wire.connect() as busy, busy.makefile("rb") as stream:
            busy.sendall(request("/ad?1"))
            assert read_reply(stream)
            busy.sendall(request("/pixel.gif?2"))
            until(lambda: stage.waiting == 1, what="the slow one")
            for _ in range(2):  # each of these takes the whole time
                with served.wire.connect() as idle:
                    idle.sendall(request("/ad"))
                    with idle.makefile("rb") as other:
                        assert read_reply(other)
                        assert other.read() == b""
            assert is_silent(busy)
            stage.release()
            reply = read_reply(stream)
            assert reply is not None
            assert reply.text == "/pixel.gif?2\n"
            assert stream.read() == b""  # now it is idle as well


@DOORS
def test_a_connection_in_use_is_not_idle(house: House, name: str) -> None:
    """Its time begins anew with each answer."""
    with staged(house, timeout_keep_alive=0.5) as (_, doors):
        served = served_by(doors, name)
        with served.wire.connect() as used, used.makefile("rb") as stream:
            for _ in range(3):
                with served.wire.connect() as idle, idle.makefile("rb") as other:
                    idle.sendall(request("/ad"))
                    assert read_reply(other)
                    idle.settimeout(0.3)
                    with pytest.raises(TimeoutError):
                        idle.recv(1)
                used.sendall(request("/ad"))
                assert read_reply(stream)


@DOORS
def test_a_stopping_server_answers_what_it_has_begun(house: House, name: str) -> None:
    with staged(house) as (stage, doors):
        served = served_by(doors, name)
        with served.wire.connect() as connection, served.wire.connect() as idle, served.wire.connect() as late:
            connection.sendall(request("/pixel.gif?1") + request("/ad?2") + request("/healthz?3") + request("/ad?4"))
            for other in (idle, late):
                other.sendall(request("/ad"))
                assert other.recv(65_536)
            until(lambda: stage.waiting == 1, what="the slow one")
            stopping = threading.Thread(target=house.stop, args=(served,))
            stopping.start()
            until(lambda: protocol_of_any(served)._stopping, what="the beginning of the end")
            late.sendall(request("/ad?late"))  # was on its way
            with late.makefile("rb") as stream:
                assert bodies(answered := stream.read()) == ["/ad?late"]
                assert b"connection: close" in answered
            assert idle.recv(1) == b""
            stage.release()
            with connection.makefile("rb") as stream:
                answered = stream.read()
            assert bodies(answered) == ["/pixel.gif?1", "/ad?2", "/healthz?3", "/ad?4"]
            assert answered.count(b"connection: close") == 1
            stopping.join(DEADLINE_S)
        assert served.ended.done()


def protocol_of_any(served: Served) -> Any:
    return next(iter(served.server.server_state.connections))


def test_a_handler_that_breaks(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The fallback and one line in the log; the connection goes on."""
    with staged(house) as (_, doors):
        said = []
        for served in doors.both():
            caplog.clear()
            said.append(normal(served.bytes_of(request("/i/x") + request("/ad?1") + LAST)))
            assert GIF in said[-1]
            assert b"broken" not in said[-1]
            (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
            assert (line.getMessage(), line.exc_info is not None) == ("a handler failed", True)
        assert said[0] == said[1]
