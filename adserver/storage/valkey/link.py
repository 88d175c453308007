"""Keeps the connection to one Valkey up, and says why when there is none."""

import asyncio
import logging
import random
from collections.abc import Iterable

import hiredis

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.address import Address
from adserver.storage.valkey.connection import Command, Connection, ReplicatedConnection, Reply
from adserver.storage.valkey.refusal import refused
from adserver.storage.valkey.resp import pack

CONNECT_S = 1.0
"""Longest wait for a connection with its handshake."""

BACKOFF_S = (0.05, 1.0)
"""First and longest pause between two attempts to connect; each is shortened by up to a half, by lot."""

PROBE_S = 0.25
"""A server that nobody has asked anything for so long is asked whether it is there."""

_CLOSED = "the link is closed"

log = logging.getLogger(__name__)


class Link:
    """Keeps one connection to one Valkey up. ``greeting``: commands sent first on each new connection; a reply that
    is an error fails the attempt unless it contains ``already exists``. A ``PING`` ends it, which a server refuses
    that is loading its data.

    ``max_in_flight`` bounds the calls that wait; ``replicas``: how many must have a call before it is answered.
    """

    def __init__(
        self,
        address: Address,
        *,
        greeting: Iterable[bytes] = (),
        max_in_flight: int = 16_384,
        replicas: int = 0,
        replica_wait_s: float = 1.0,
    ) -> None:
        self._address = address
        self._greeting = (*_way_in(address), *greeting, pack(("PING",)))
        self._max_in_flight = max_in_flight
        self._replicas = replicas
        self._replica_wait_s = replica_wait_s
        self._attempt_s = CONNECT_S + (replica_wait_s if replicas else 0)
        self._connection: Connection | None = None
        self._why = "Valkey did not answer: not connected yet"
        self._up = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect, and go on trying until ``close``."""
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def up(self, within_s: float | None = None) -> None:
        """Wait for the connection; as long as one attempt may take if not told otherwise. Raises StoreUnavailable."""
        self.start()
        try:
            async with asyncio.timeout(self._attempt_s + 0.1 if within_s is None else within_s):
                await self._up.wait()
        except TimeoutError:
            raise refused(self._why) from None

    @property
    def trouble(self) -> str:
        """Why a call would fail at once; empty when it would not."""
        return self._why if self._connection is None else self._connection.trouble

    def send(self, command: Command, deadline: float) -> Reply:
        """See ``Connection.send``."""
        if self._connection is None:
            raise refused(self._why)
        return self._connection.send(command, deadline)

    async def close(self) -> None:
        """End it for good."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._drop(_CLOSED)

    async def _keep(self) -> None:
        loop, (pause, longest) = asyncio.get_running_loop(), BACKOFF_S
        while True:
            lost: asyncio.Future[str] = loop.create_future()
            try:
                connection = await self._connect(lost)
            except Exception as error:  # whatever it is, nobody else tries again
                self._drop(str(error) if isinstance(error, StoreUnavailable) else _no_connection(error))
            else:
                began = loop.time()
                self._connection, self._why = connection, ""
                self._up.set()
                try:
                    self._drop(await _end_of(connection, lost))
                finally:
                    connection.close(_CLOSED)
                if loop.time() - began > longest:  # else it ends as quickly as it begins, and the pauses go on growing
                    pause = BACKOFF_S[0]
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  not a secret
            pause = min(pause * 2, longest)

    async def _connect(self, lost: "asyncio.Future[str]") -> Connection:
        """A connection whose handshake is over."""
        made: Connection | None = None
        try:
            async with asyncio.timeout(self._attempt_s):
                made = await self._open(lost)
                deadline = asyncio.get_running_loop().time() + self._attempt_s
                for reply in await asyncio.gather(*[made.send(command, deadline) for command in self._greeting]):
                    _check(reply)
        except BaseException:
            if made is not None:
                made.close("the handshake failed")
            raise
        return made

    async def _open(self, lost: "asyncio.Future[str]") -> Connection:
        def tell(why: str) -> None:
            if not lost.done():
                lost.set_result(why)

        def protocol() -> Connection:
            if not self._replicas:
                return Connection(self._max_in_flight, tell)
            return ReplicatedConnection(self._max_in_flight, tell, replicas=self._replicas, wait_s=self._replica_wait_s)

        loop, address = asyncio.get_running_loop(), self._address
        if address.path:
            return (await loop.create_unix_connection(protocol, address.path))[1]
        return (await loop.create_connection(protocol, address.host, address.port, ssl=address.tls))[1]

    def _drop(self, why: str) -> None:
        connection, self._connection = self._connection, None
        self._up.clear()
        if why not in (self._why, _CLOSED):
            log.warning("%s", why)
        self._why = why
        if connection is not None:
            connection.close(why)


async def _end_of(connection: Connection, lost: "asyncio.Future[str]") -> str:
    """Why it was lost. Nobody may call while a server dies, so it is asked now and then."""
    while not lost.done():
        await asyncio.wait([lost], timeout=PROBE_S)
        connection.probe(PROBE_S)
    return lost.result()


def _way_in(address: Address) -> Iterable[bytes]:
    if address.password:
        names = (address.username, address.password) if address.username else (address.password,)
        yield pack(("AUTH", *names))
    if address.database:
        yield pack(("SELECT", address.database))


def _check(reply: object) -> None:
    if isinstance(reply, hiredis.ReplyError):
        text = str(reply)
        if "already exists" in text:
            return
        if text.startswith(("WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password")):
            raise refused("Valkey refused the user name or password")
        raise refused(f"Valkey did not answer: {text.partition(' ')[0]}")


def _no_connection(error: Exception) -> str:
    return f"Valkey did not answer: {type(error).__name__}"
