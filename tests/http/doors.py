"""Applications in this process, each served twice by uvicorn as a worker serves it: with the fast lane and without."""

import asyncio
import re
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.applications import Starlette

from adserver.app import create_app
from adserver.settings import Settings, load_settings
from adserver.storage.valkey.embedded import EmbeddedValkey
from adserver.web.door import Door
from adserver.web.routes import create_application
from adserver.worker import uvicorn_config
from tests.http.conftest import ACCOUNTS, FEEDS, SECRET, Reply, Wire, read_reply
from tests.journeys.inside import apply, cli
from tests.server import DEADLINE_S, feed_xml, running_server, until

T = TypeVar("T")

LAST = b"GET /healthz HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n"
"""Sent behind everything: whether it is answered tells whether the connection was kept."""


@dataclass
class Served:
    """One door: a uvicorn server and the way to it."""

    wire: Wire
    server: uvicorn.Server
    ended: "asyncio.Task[None]"

    def bytes_of(self, *parts: bytes) -> bytes:
        """Everything that is answered until the server closes; each part is sent in a segment of its own."""
        with self.wire.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(ConnectionResetError, BrokenPipeError):  # closed before it had all: it says why
                for part in parts:
                    connection.sendall(part)
            received = []
            with suppress(ConnectionResetError):
                while some := connection.recv(65_536):
                    received.append(some)
        return b"".join(received)

    def bytes_in_turn(self, *parts: bytes) -> bytes:
        """The same, where each part is sent only when the one before is answered, at least the beginning of it."""
        received = []
        with self.wire.connect() as connection, suppress(ConnectionResetError, BrokenPipeError):
            for part in parts[:-1]:
                connection.sendall(part)
                received.append(connection.recv(65_536))
            connection.sendall(parts[-1])
            while some := connection.recv(65_536):
                received.append(some)
        return b"".join(received)

    def replies(self, raw: bytes, count: int) -> list[Reply]:
        """So many answers to bytes sent at once."""
        replies = []
        with self.wire.connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(raw)
            for number in range(count):
                reply = read_reply(stream)
                assert reply is not None, f"closed after {number} answers"
                replies.append(reply)
        return replies


@dataclass(frozen=True)
class Doors:
    """The same application through both doors."""

    fast: Served
    plain: Served

    def both(self) -> tuple[Served, Served]:
        """For loops."""
        return self.fast, self.plain


@dataclass
class House:
    """An event loop in a thread of its own, and a Valkey with accounts and products."""

    valkey_url: str
    folder: Path
    loop: asyncio.AbstractEventLoop = field(default_factory=uvloop.new_event_loop)
    problems: list[str] = field(default_factory=list)
    """What the event loop itself complained about: exceptions that nobody caught."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """In the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(DEADLINE_S)

    def tasks(self) -> int:
        """How many tasks there are now, this question aside."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return self.run(count())

    @contextmanager
    def open(self, *, options: Mapping[str, Any] | None = None, **environment: str) -> Iterator[Doors]:
        """The whole application under these settings; ``options`` are uvicorn's own."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            given = {"ADSERVER_AD_DEADLINE_MS": "5000", "ADSERVER_DATA_DIR": name, **environment}
            settings = load_settings(given)
            app, doors = create_app(settings, [SECRET.encode()], self.valkey_url)
            with self._open(app, doors, settings, options or {}) as served:
                yield served

    @contextmanager
    def open_doors(self, doors: Mapping[str, Door], **options: Any) -> Iterator[Doors]:
        """Nothing but these."""

        @asynccontextmanager
        async def nothing(_: Starlette) -> AsyncIterator[None]:
            yield

        app = create_application(doors, nothing, https_outside=False)
        with self._open(app, doors, Settings(), options) as served:
            yield served

    @contextmanager
    def _open(
        self, app: Starlette, doors: Mapping[str, Door], settings: Settings, options: Mapping[str, Any]
    ) -> Iterator[Doors]:
        lifespan = app.router.lifespan_context(app)
        self.run(lifespan.__aenter__())
        try:
            fast, plain = (self.run(self._serve(app, hot, settings, options)) for hot in (doors, None))
            try:
                yield Doors(fast, plain)
            finally:
                for served in (fast, plain):
                    self.stop(served)
        finally:
            self.run(lifespan.__aexit__(None, None, None))

    async def _serve(
        self, app: Starlette, hot: Mapping[str, Door] | None, settings: Settings, options: Mapping[str, Any]
    ) -> Served:
        config = uvicorn_config(app, hot, settings)
        config.lifespan = "off"  # one for both servers
        for name, value in options.items():
            setattr(config, name, value)
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        server = uvicorn.Server(config)
        ended = self.loop.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not ended.done()
            await asyncio.sleep(0.002)
        return Served(Wire(address), server, ended)

    def stop(self, served: Served) -> None:
        """As SIGTERM does it; returns when the server has ended."""

        async def end() -> None:
            served.server.should_exit = True
            await served.ended

        self.run(end())


@contextmanager
def open_house(accounts: str = ACCOUNTS) -> Iterator[House]:
    """Two shops with products and one that wants consent, two publishers, no server process."""
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        valkey = EmbeddedValkey(Path(folder) / "valkey")
        (Path(folder) / "valkey").mkdir(mode=0o700)
        valkey.start()
        house = House(valkey.url, Path(folder))
        house.loop.set_exception_handler(lambda _, context: house.problems.append(str(context)))
        thread = threading.Thread(target=house.loop.run_forever)
        thread.start()
        try:
            with running_server(accounts="", start=False, ADSERVER_VALKEY_URL=valkey.url) as commands:
                apply(commands, accounts)
                for shop, host, products in FEEDS:
                    file = commands.data_dir.parent / f"{shop}.xml"
                    file.write_text(feed_xml(products, base=f"https://{host}"), "utf-8")
                    cli(commands, "feed", "import", shop, str(file))
            yield house
        finally:
            house.loop.call_soon_threadsafe(house.loop.stop)
            thread.join(DEADLINE_S)
            house.loop.close()
            valkey.stop()


_CHANGING = (
    (re.compile(rb"(?m)^date: [^\r]+"), b"date: @"),
    (re.compile(rb"(adserver(?:-p)?=)[A-Za-z0-9_-]{45};"), rb"\1@;"),
    (re.compile(rb"(\\?/)(i|c|v|why)(\\?/)[A-Za-z0-9_-]{20,}"), rb"\1\2\3@"),
)


def normal(answered: bytes) -> bytes:
    """With a sign in place of what is different each time: the date, and what is random and signed."""
    for pattern, sign in _CHANGING:
        answered = pattern.sub(sign, answered)
    return answered


def until_left(served: Served) -> None:
    """Return when no connection is left and nothing runs for one."""
    state = served.server.server_state
    until(lambda: not state.connections and not state.tasks, what="the end of all connections")
