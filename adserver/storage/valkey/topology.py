"""Who has which slots of a cluster: asked of whatever node answers."""

import asyncio
import random
from collections.abc import Container, Sequence

from hiredis import ReplyError

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.address import Address
from adserver.storage.valkey.link import Link
from adserver.storage.valkey.refusal import refusal_of, refused
from adserver.storage.valkey.resp import pack
from adserver.storage.valkey.slots import Place, SlotRange, read_ranges

ASKED_S = 0.5
"""Longest wait for one node's answer; then another one is asked."""

_SLOTS = pack(("CLUSTER", "SLOTS"))


class Topology:
    """Knows all nodes that it ever heard of last. ``seed``: any node; it stays known, so a name in the DNS that leads
    to another node every day is as good."""

    def __init__(self, seed: Address) -> None:
        self._seed = seed
        self._known: tuple[Place, ...] = ()

    async def look(self, ailing: Container[Place]) -> Sequence[SlotRange]:
        """The map of the first node that has one; those that are ``ailing`` are asked last. Raises StoreUnavailable."""
        places = [*self._known, (self._seed.host, self._seed.port)]
        random.shuffle(places)
        places.sort(key=lambda place: place in ailing)
        failed = refused("Valkey did not answer: no node of the cluster is known")
        for place in places:
            try:
                ranges = await self._ask(place)
            except StoreUnavailable as error:
                failed = error
                continue
            self._known = tuple({known for part in ranges for known in (part.primary, *part.replicas)})
            return ranges
        raise failed

    async def _ask(self, place: Place) -> Sequence[SlotRange]:
        """Over a connection of its own: neither a replica's refusals nor a long queue can keep it waiting."""
        link = Link(self._seed.beside(*place))
        try:
            await link.up(ASKED_S)
            reply = await link.send(_SLOTS, asyncio.get_running_loop().time() + ASKED_S)
        finally:
            await link.close()
        if isinstance(reply, ReplyError):
            raise refusal_of(reply)
        try:
            ranges = read_ranges(reply, place[0])
        except ValueError as error:
            raise refused(f"Valkey did not answer: {error}") from None
        if not ranges:
            raise refused("Valkey did not answer: a node knows nobody who has slots")
        return ranges
