"""The load generator's engine against real sockets that answer in every way a server can."""

import itertools
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.address import Address, address_of, checked_address
from benchmarks.answer import Answers, Kind, Kinds
from benchmarks.arrivals import S, constant
from benchmarks.client import Client, LoadError, Log, Request
from benchmarks.traffic import fetch_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux only")

PIXEL = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nGIF\r\n"
NO_AD = b"HTTP/1.1 204 No Content\r\nx-adserver-reason: no_visitor\r\n\r\n"
GOOD = Kind("pixel", 200, "", 5)

Behaviour = Callable[[socket.socket, int], None]
"""What is done on a connection with the request of this number."""


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Address]:
    """A server of one thread; it hears a request in each read, as the generator sends one at a time."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, behaviour, ended))
        thread.start()
        try:
            yield Address(host="127.0.0.1", port=listening.getsockname()[1])
        finally:
            ended.set()
            thread.join(20)


def _serve(listening: socket.socket, behaviour: Behaviour, ended: threading.Event) -> None:
    numbers = itertools.count()
    connections: dict[int, socket.socket] = {}
    while not ended.is_set():
        ready, _, _ = select.select([listening, *connections.values()], [], [], 0.01)
        for sock in ready:
            if sock is listening:
                accepted = listening.accept()[0]
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[accepted.fileno()] = accepted
            elif sock.recv(65_536):
                number = sock.fileno()
                behaviour(sock, next(numbers))
                if sock.fileno() < 0:
                    del connections[number]
            else:
                del connections[sock.fileno()]
                sock.close()
    for sock in connections.values():
        sock.close()


def says(*answers: bytes) -> Behaviour:
    """One answer after another, round and round."""
    return lambda sock, number: sock.sendall(answers[number % len(answers)])


def supply(kinds: Kinds) -> Iterator[Request]:
    return itertools.repeat((b"GET / HTTP/1.1\r\n\r\n", Answers("pixel", kinds)))


def closed_loop(behaviour: Behaviour, *, requests: int, connections: int = 2) -> Log:
    kinds = Kinds()
    with serving(behaviour) as address, Client(address, connections) as client:
        return client.closed_loop(itertools.islice(supply(kinds), requests), 60, kinds)


def test_every_request_of_a_closed_loop_is_answered_and_timed() -> None:
    log = closed_loop(says(PIXEL), requests=100)
    assert log.count() == {GOOD: 100}
    assert len(log.took) == len(log.asked) == 100
    assert min(log.took) > 0


def test_a_closed_loop_ends_in_time() -> None:
    kinds = Kinds()
    with serving(says(PIXEL)) as address, Client(address, 2) as client:
        log = client.closed_loop(supply(kinds), 0.05, kinds)
    assert log.count()[GOOD] == len(log.took) > 0
    assert 0.05 <= log.seconds < 5


@pytest.mark.parametrize("cut", range(1, len(PIXEL)))
def test_an_answer_is_whole_wherever_it_was_cut(cut: int) -> None:
    def halves(sock: socket.socket, number: int) -> None:
        sock.sendall(PIXEL[:cut])
        select.select([], [], [], 0.002)  # so that the first part is read by itself, mostly
        sock.sendall(PIXEL[cut:])

    assert closed_loop(halves, requests=3, connections=1).count() == {GOOD: 3}


def test_an_answer_may_come_byte_by_byte_after_its_head_is_known() -> None:
    def bytes_one_by_one(sock: socket.socket, number: int) -> None:
        for byte in PIXEL if number else [PIXEL]:
            sock.sendall(byte if isinstance(byte, bytes) else bytes([byte]))

    assert closed_loop(bytes_one_by_one, requests=5, connections=1).count() == {GOOD: 5}


def test_answers_are_counted_by_kind() -> None:
    log = closed_loop(says(PIXEL, NO_AD, PIXEL), requests=9)
    assert log.count() == {GOOD: 6, Kind("pixel", 204, "no_visitor", 0): 3}


def test_a_lost_connection_is_an_answer_of_its_kind_and_the_next_request_takes_a_new_one() -> None:
    def sometimes(sock: socket.socket, number: int) -> None:
        if number == 3:
            sock.close()
        else:
            sock.sendall(PIXEL)

    log = closed_loop(sometimes, requests=10, connections=1)
    assert log.count() == {GOOD: 9, Kind("pixel", 0, "connection lost", 0): 1}


def test_a_server_may_end_a_connection_after_any_answer() -> None:
    def last_one(sock: socket.socket, number: int) -> None:
        sock.sendall(PIXEL.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))
        sock.close()

    assert closed_loop(last_one, requests=5, connections=1).count() == {GOOD: 5}


def test_an_answer_is_handed_out_whole_though_it_came_in_parts_and_was_the_last() -> None:
    last = PIXEL.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")

    def in_two_parts(sock: socket.socket, number: int) -> None:
        sock.sendall(last[:20])
        select.select([], [], [], 0.002)
        sock.sendall(last[20:])
        sock.close()

    with serving(in_two_parts) as address:
        assert fetch_all(address, [b"GET / HTTP/1.1\r\n\r\n"] * 3, connections=1) == [last] * 3


def test_a_part_that_looks_like_a_whole_answer_is_none() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(PIXEL)

    def answers(sock: socket.socket, number: int) -> None:
        if number == 0:
            sock.sendall(PIXEL)
        else:
            sock.sendall(head)
            select.select([], [], [], 0.01)
            sock.sendall(PIXEL)

    assert closed_loop(answers, requests=3, connections=1).count() == {
        GOOD: 1,
        Kind("pixel", 200, "", len(PIXEL)): 2,
    }


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (PIXEL + PIXEL, "more than one answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "Content-Length"),
        (b"hello\r\n\r\n", "not an HTTP"),
    ],
)
def test_what_can_not_be_measured_ends_the_run(answer: bytes, failure: str) -> None:
    with pytest.raises(LoadError, match=failure):
        closed_loop(says(answer), requests=2, connections=1)


def test_nobody_there_is_said_at_once() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = Address(host="127.0.0.1", port=bound.getsockname()[1])
        with pytest.raises(LoadError, match=str(address.port)):
            Client(address, 1)


def test_an_open_loop_asks_at_its_times_whatever_is_answered() -> None:
    kinds = Kinds()
    with serving(says(PIXEL)) as address, Client(address, 200) as client:
        log = client.open_loop(supply(kinds), constant(1_000, 0.2), kinds)
    assert sorted(log.asked) == list(constant(1_000, 0.2))
    assert log.count() == {GOOD: 200}
    assert len(log.lag) == 200
    assert min(log.lag) >= 0


def test_a_stall_is_in_the_latency_of_every_request_that_was_due_meanwhile() -> None:
    """Coordinated omission: a closed loop would have sent one request during the stall and seen one slow answer."""
    stall_s = 0.3

    def stalls_once(sock: socket.socket, number: int) -> None:
        if number == 10:
            time.sleep(stall_s)  # the behaviour under test is a server that does nothing for a while
        sock.sendall(PIXEL)

    kinds = Kinds()
    with serving(stalls_once) as address, Client(address, 1) as client:
        log = client.open_loop(supply(kinds), constant(1_000, 0.5), kinds)
    assert log.count() == {GOOD: 500}
    slow = sum(took > stall_s / 2 * S for took in log.took)
    assert slow >= stall_s / 2 * 1_000
    assert max(log.took) >= stall_s * S * 0.95


def test_what_is_never_answered_counts_with_the_time_it_has_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.client.PATIENCE_S", 0.2)
    kinds = Kinds()

    def answers_the_first(sock: socket.socket, number: int) -> None:
        if number == 0:
            sock.sendall(PIXEL)

    with serving(answers_the_first) as address, Client(address, 2) as client:
        log = client.open_loop(supply(kinds), constant(100, 0.05), kinds)
        assert log.count() == {GOOD: 1, Kind("pixel", 0, "no answer", 0): 2}
        assert log.unsent == 2
        assert max(log.took) >= 0.2 * S
        with pytest.raises(LoadError, match="no answer"):
            fetch_all(address, [b"GET / HTTP/1.1\r\n\r\n"], connections=1, patience_s=0.1)


def test_fetching_hands_out_whole_answers_and_minds_their_kind() -> None:
    request = b"GET / HTTP/1.1\r\n\r\n"
    with serving(says(PIXEL)) as address:
        assert fetch_all(address, [request] * 5, connections=3) == [PIXEL] * 5
    with serving(says(PIXEL, NO_AD)) as address, pytest.raises(LoadError, match="204 no_visitor"):
        fetch_all(address, [request] * 2, connections=1)


def test_a_part_of_a_log_is_what_was_asked_for_in_it() -> None:
    log = Log(Kinds())
    for asked in (30, 10, 20):
        log.asked.append(asked)
        log.took.append(asked + 1)
        log.kind.append(0)
    assert list(log.since(10, 30).took) == [11, 21]
    assert list(log.since(20).took) == [31, 21]


def test_only_this_machine_is_loaded_unless_it_is_said_twice() -> None:
    assert checked_address("http://127.0.0.1:8000/x", any_machine=False) == Address(host="127.0.0.1", port=8000)
    assert checked_address("http://[::1]", any_machine=False) == Address(host="::1", port=80)
    with pytest.raises(ValueError, match="not this machine"):
        checked_address("http://192.0.2.1:80", any_machine=False)
    assert checked_address("http://192.0.2.1", any_machine=True).host == "192.0.2.1"
    with pytest.raises(ValueError, match="expected"):
        address_of("https://127.0.0.1")
    assert str(Address(host="::1", port=80)) == "[::1]:80"
