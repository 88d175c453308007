"""The bound on requests per address prefix."""

from adserver.web.rate_limit import AddressLimiter


def test_a_burst_passes_then_the_rate_holds() -> None:
    limiter = AddressLimiter(2)
    assert sum(limiter.allows("192.0.2.1", 0.0) for _ in range(100)) == 10
    assert sum(limiter.allows("192.0.2.1", 1.0) for _ in range(100)) == 2


def test_a_prefix_is_one_client() -> None:
    limiter = AddressLimiter(1)
    used = sum(limiter.allows(f"192.0.2.{host}", 0.0) for host in range(100))
    assert used == 5
    assert limiter.allows("192.0.3.1", 0.0)
    assert sum(limiter.allows(f"2001:db8:0:1::{host:x}", 0.0) for host in range(1, 100)) == 5
    assert limiter.allows("2001:db8:0:2::1", 0.0)


def test_a_mapped_address_is_the_same_client() -> None:
    limiter = AddressLimiter(1)
    assert sum(limiter.allows("192.0.2.7", 0.0) for _ in range(10)) == 5
    assert not limiter.allows("::ffff:192.0.2.9", 0.0)


def test_a_million_made_up_addresses_take_bounded_memory() -> None:
    limiter = AddressLimiter(1, max_prefixes=100)
    for number in range(10_000):
        limiter.allows(f"10.{number >> 8}.{number & 255}.1", 0.0)
    assert len(limiter._buckets) == 100


def test_a_unix_socket_is_not_bound() -> None:
    limiter = AddressLimiter(1)
    assert all(limiter.allows("", 0.0) for _ in range(100))
