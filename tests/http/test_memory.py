"""Made-up cookies cost nothing: whatever is sent, Valkey holds no more than before."""

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.http.conftest import Wire, keys_in, pixel, request
from tests.server import Server

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
AT_ONCE = 200
NOISE_BYTES = 1_000_000
"""What Valkey's own buffers come and go by. A leaked key is 100 bytes or more."""

VIEW = pixel(a="acme", e="view_item", p="SKU1")
AD = "/ad?placement=daily-rectangle"


def dataset(server: Server) -> tuple[int, int]:
    """Bytes of data, and keys."""
    with server.valkey() as valkey:
        return int(valkey.info("memory")["used_memory_dataset"]), keys_in(valkey)


def made_up(count: int, real: str) -> Iterator[str]:
    """Random values of the right form, and a real one with another last character, alternating."""
    dice = random.Random(7)
    for number in range(count):
        if number % 2:
            yield "adserver=" + "".join(dice.choices(ALPHABET, k=45))
        else:
            at = dice.randrange(len("adserver="), len(real))
            yield real[:at] + ALPHABET[(ALPHABET.index(real[at]) + 1 + number % 63) % 64] + real[at + 1 :]


def send_all(wire: Wire, target: str, forged: Iterator[str], expected: bytes) -> int:
    """Pipelined and hardly looked at, for speed; returns how many were answered as expected."""
    found = 0
    with wire.connect() as connection:
        while group := list(islice(forged, AT_ONCE)):
            connection.sendall(b"".join(request(target, ("Cookie", cookie)) for cookie in group))
            answered = b""
            while answered.count(expected) < len(group):
                part = connection.recv(1 << 20)
                assert part, "the server closed the connection"
                answered += part
            found += answered.count(expected)
    return found


@pytest.mark.parametrize(
    "count",
    [pytest.param(20_000, id="20,000"), pytest.param(1_000_000, id="a million", marks=pytest.mark.long)],
)
def test_made_up_cookies_leave_memory_flat(server: Server, wire: Wire, count: int) -> None:
    real = wire.view("SKU1")
    before = dataset(server)
    assert send_all(wire, VIEW, made_up(count, real), b"x-adserver-reason: forged_cookie") == count
    assert send_all(wire, AD, made_up(count // 10, real), b"x-adserver-reason: no_visitor") == count // 10
    after = dataset(server)
    assert after[1] <= before[1]
    # A no-ad is one small record of the stream, which is bounded and trimmed; nothing else may have grown.
    assert after[0] - before[0] < NOISE_BYTES + count // 10 * 60


def test_one_visitor_is_bounded(server: Server, wire: Wire) -> None:
    """However many products are looked at, a visitor's key stays small, and the newest are what is kept."""
    cookie = wire.view("SKU1")
    targets = (
        pixel(
            a="acme", e="view_item", p=[f"SKU{n % 980}" if n >= 980 else f"P{'x' * 200}{n}" for n in range(s, s + 20)]
        )
        for s in range(0, 2_000, 20)
    )
    for _, reply in zip(range(100), wire.batch(request(t, ("Cookie", cookie)) for t in targets), strict=True):
        assert reply.reason == ""
    with server.valkey() as valkey:
        keys = [key for key in valkey.scan_iter("u:*") if int(valkey.hlen(key)) > 100]
        assert keys
        for key in keys:
            assert int(valkey.hlen(key)) <= 256
            assert int(valkey.memory_usage(key) or 0) < 100_000
    assert wire.ad(cookie).status == 200
