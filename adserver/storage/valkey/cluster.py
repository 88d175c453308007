"""The way to the node of a cluster that has a key.

On the good path a call costs one checksum, one look into a list and the link's own work. Everything else happens when
a node answers with a hint (``MOVED``, ``ASK``, ...): the command was not carried out then, so it is sent again, to the
right node, within the deadline of its call. A call whose connection was lost is ambiguous and is never sent again here.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from hiredis import ReplyError

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.address import Address
from adserver.storage.valkey.connection import Command
from adserver.storage.valkey.link import CONNECT_S, Link
from adserver.storage.valkey.node import Nobody, Node
from adserver.storage.valkey.refusal import refused
from adserver.storage.valkey.resp import pack
from adserver.storage.valkey.slots import SLOTS, Place, SlotRange, read_redirect, slot_of
from adserver.storage.valkey.topology import Topology

LOOK_S = 5.0
"""The map of slots is read again after this time, whatever happens."""

LEAVE_S = 4.0
"""The links to a node that has lost all its slots stay open for so long at least: calls may still wait on them."""

QUIET_S, LONGEST_QUIET_S = 0.1, 0.5
"""Shortest pause between two readings of the map; it grows while a node stays away."""

NOTICE_S = 0.25
"""How soon a link that was lost is noticed when nobody calls."""

MAX_SENDS = 32
"""How often one call is sent at most."""

STRAIGHT_SENDS = 4
"""So many redirects are followed at once; behind that the nodes do not agree, and a pause helps."""

PAUSE_S = (0.01, 0.1)
"""First and longest pause before a command is sent to a node again that could not take it."""

_ASKING: Final = pack(("ASKING",))
_REDIRECTS: Final = ("MOVED", "ASK")
_LATER: Final = ("TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN")

log = logging.getLogger(__name__)


_Owner = Node | Nobody


class Cluster:
    """A Route to all nodes. ``seed``: any one of them; ``open_node`` makes the links to a primary, not yet started."""

    def __init__(self, seed: Address, open_node: Callable[[Address], Node]) -> None:
        self._seed = seed
        self._open_node = open_node
        self._topology = Topology(seed)
        self._nodes: dict[Place, Node] = {}
        self._without_slots: dict[Place, float] = {}
        self._owners: list[_Owner] = [Nobody("Valkey did not answer: not connected yet")] * SLOTS
        self._read = asyncio.Event()
        self._stale = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    is_one_place = False

    def send(self, key: str, command: Command, deadline: float) -> Awaitable[object]:
        """To the node that has ``key``, as far as we know."""
        try:
            return self._owners[slot_of(key)].writes.send(command, deadline)
        except StoreUnavailable:
            self._stale.set()
            raise

    def read(self, key: str, command: bytes, deadline: float) -> Awaitable[object]:
        """To the same node."""
        try:
            return self._owners[slot_of(key)].reads.send(command, deadline)
        except StoreUnavailable:
            self._stale.set()
            raise

    async def recover(
        self, key: str, command: bytes, error: ReplyError, deadline: float, *, reading: bool = False
    ) -> object:
        """The reply after all, where ``error`` is a hint of the cluster; any other error is given back as it is."""
        slot, pause = slot_of(key), PAUSE_S[0]
        answered = self._owners[slot]
        for sends in range(1, MAX_SENDS):
            hint = str(error).partition(" ")[0]
            if hint not in _REDIRECTS and hint not in _LATER:
                return error
            target = self._redirected(str(error), answered) if hint in _REDIRECTS else None
            if target is None or sends > STRAIGHT_SENDS:
                self._stale.set()
                if asyncio.get_running_loop().time() + pause >= deadline:
                    return error
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  not a secret
                pause = min(pause * 2, PAUSE_S[1])
            answered = target or self._owners[slot]
            link = answered.reads if reading else answered.writes
            reply = await _send(link, command, deadline, asking=hint == "ASK")
            if not isinstance(reply, ReplyError):
                return reply
            error = reply
        return error

    def _redirected(self, error: str, answered: _Owner) -> Node:
        """``MOVED`` tells of one slot for good, ``ASK`` of this one command."""
        host = next((place[0] for place, node in self._nodes.items() if node is answered), self._seed.host)
        try:
            slot, place = read_redirect(error, host)
        except ValueError:
            raise refused("Valkey refused: a redirect to nowhere") from None
        node = self._node(place)
        if error.startswith("MOVED"):
            self._owners[slot] = node
            self._stale.set()
        return node

    async def up(self) -> None:
        """Wait a moment for the map and all links. Raises StoreUnavailable when none of them came."""
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                await self._read.wait()
        await asyncio.gather(*[node.up() for node in self._nodes.values()], return_exceptions=True)
        if self.trouble:
            raise refused(self.trouble)

    @property
    def trouble(self) -> str:
        """Why all calls would fail; empty while there is one primary that can be reached."""
        troubles = [node.trouble for node in self._nodes.values()] or [self._owners[0].trouble]
        return "" if "" in troubles else troubles[0]

    async def close(self) -> None:
        """End all connections."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await asyncio.gather(*[node.close() for node in self._nodes.values()])

    async def _keep(self) -> None:
        """Read the map now, when something does not fit it any more, and from time to time."""
        told, pause = "", QUIET_S
        while True:
            self._stale.clear()
            try:
                await self._learn(await self._topology.look(self._ailing()))
                told = ""
            except StoreUnavailable as error:
                self._stale.set()
                if not self._read.is_set():
                    self._owners = [Nobody(str(error))] * SLOTS
                if str(error) != told:
                    told = str(error)
                    log.warning("the map of the cluster could not be read: %s", error)
            pause = min(pause * 2, LONGEST_QUIET_S) if told or self._ailing() else QUIET_S
            await asyncio.sleep(pause)
            await self._until_stale()

    async def _until_stale(self) -> None:
        """Nobody may call while a node dies, so its link is looked after here as well."""
        loop = asyncio.get_running_loop()
        late = loop.time() + LOOK_S
        while not self._stale.is_set() and not self._ailing() and loop.time() < late:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NOTICE_S):
                    await self._stale.wait()

    def _ailing(self) -> set[Place]:
        return {place for place, node in self._nodes.items() if node.trouble}

    async def _learn(self, ranges: Iterable[SlotRange]) -> None:
        owners: list[_Owner] = [Nobody("Valkey did not answer: no node has this slot")] * SLOTS
        with_slots = set()
        for part in ranges:
            owners[part.first : part.last + 1] = [self._node(part.primary)] * (part.last + 1 - part.first)
            with_slots.add(part.primary)
        self._owners = owners
        self._read.set()
        await self._leave(self._nodes.keys() - with_slots)

    async def _leave(self, without_slots: set[Place]) -> None:
        """Close what has been without slots for a while: the nodes do not all learn of a change at once."""
        now = asyncio.get_running_loop().time()
        since = {place: self._without_slots.get(place, now) for place in without_slots}
        leaving = [place for place, began in since.items() if now - began >= LEAVE_S]
        self._without_slots = {place: began for place, began in since.items() if place not in leaving}
        await asyncio.gather(*[self._nodes.pop(place).close() for place in leaving])

    def _node(self, place: Place) -> Node:
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = self._open_node(self._seed.beside(*place))
            node.start()
        return node


async def _send(link: Link | Nobody, command: bytes, deadline: float, *, asking: bool) -> object:
    if link.trouble:
        await link.up(max(0.0, deadline - asyncio.get_running_loop().time()))
    if asking:
        # Both in one step, so that no other call of ours comes between them.
        link.send(_ASKING, deadline)
    return await link.send(command, deadline)
