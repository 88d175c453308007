"""When the requests of an open loop are to be sent: nanoseconds from the beginning, rising."""

from collections.abc import Iterator
from random import Random

S = 1_000_000_000


def constant(per_second: float, seconds: float, *, begin: int = 0) -> Iterator[int]:
    """Evenly spaced; request n does not depend on the rounding of those before it."""
    for number in range(round(per_second * seconds)):
        yield begin + int(number * S / per_second)


def poisson(per_second: float, seconds: float, rng: Random, *, begin: int = 0) -> Iterator[int]:
    """As independent visitors arrive: gaps are exponential, so that some requests come in a crowd."""
    at = rng.expovariate(per_second)
    while at < seconds:
        yield begin + int(at * S)
        at += rng.expovariate(per_second)
