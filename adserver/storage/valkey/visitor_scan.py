"""All visitors, or a fair sample of them, for whoever counts: off the hot path, in small steps."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, cast

from adserver.model.profile import EPOCH, Profile
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey, store_errors
from adserver.storage.valkey.profile_codec import profile_of

_STEP = 1_000
"""Keys that Valkey looks at in one go, and"""
_READ = 100
"""visitors read at a time: each holds others up for less than a millisecond."""


class Sample(NamedTuple):
    """Keys of visitors, each once, and how many visitors there are in all."""

    keys: Sequence[bytes]
    total: int


class VisitorScan:
    """All methods raise StoreUnavailable."""

    def __init__(self, valkey: Valkey, rng: random.Random) -> None:
        self._valkey = valkey
        self._rng = rng

    async def sample(self, most: int) -> Sample:
        """At most ``most`` visitors, each as likely as any other; 0 for all of them."""
        taken: list[bytes] = []
        total = 0
        with store_errors():
            async for key in self._valkey.redis.scan_iter(match=keys.ALL_VISITORS, count=_STEP):
                total += 1
                if not most or len(taken) < most:
                    taken.append(key)
                elif (place := self._rng.randrange(total)) < most:
                    taken[place] = key
        each = list(dict.fromkeys(taken))  # a key may come twice while Valkey makes room for more of them
        return Sample(each, total - (len(taken) - len(each)))

    async def profiles(self, sample: Sample, now: int) -> AsyncIterator[Sequence[Profile]]:
        """What is known of them at ``now`` (seconds since 1970), in bites. Who is gone meanwhile is left out."""
        for start in range(0, len(sample.keys), _READ):
            bite = sample.keys[start : start + _READ]
            with store_errors():
                async with self._valkey.redis.pipeline(transaction=False) as pipe:
                    for key in bite:
                        pipe.hgetall(key)
                    found = cast("list[Mapping[bytes, bytes]]", await pipe.execute())
            yield [profile_of(list(chain.from_iterable(one.items())), now - EPOCH) for one in found if one]
