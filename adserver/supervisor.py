"""``adserver serve``: one process tree. It owns the embedded Valkey and keeps the workers alive; the first background
worker brings the database up to date and publishes the accounts while the workers load, which wait for it."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields

from redis import ConnectionPool

from adserver.clock import own_clock_problem
from adserver.notes import Notes, ServeError, only_server, write_notes
from adserver.processes import READY, begun
from adserver.secret import read_secrets
from adserver.settings import PREFIX, SettingError, Settings
from adserver.storage.valkey.embedded import EmbeddedValkey, EmbeddedValkeyError, die_with_parent
from adserver.telemetry import forget_slot, metrics_slot, share_metrics

STOP_S = 20.0
"""Longest wait for a child to end by itself; workers give their requests ten seconds."""

_STEADY_S = 5.0
_GIVE_UP = 8
_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    command: Sequence[str]
    pass_fds: Sequence[int] = ()
    restarts: bool = True


class Supervisor:
    """``demo``: the workers serve the demo sites beside the ad server. ``background``: with a background worker.
    ``on_listening`` is called once the address is taken and Valkey answers."""

    def __init__(
        self,
        settings: Settings,
        *,
        background: bool = True,
        demo: bool = False,
        on_listening: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._background = background
        self._demo = demo
        self._on_listening = on_listening
        self._stopping = asyncio.Event()
        self._opened = asyncio.Event()
        self._failure = ""
        self._processes: dict[str, Process] = {}
        self._at_first: dict[str, int] = {}
        self._metrics = settings.data_dir.absolute() / "metrics"

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises SettingError, CreativeError, EmbeddedValkeyError, AlreadyRunning, ServeError,
        or OSError when the address is taken; nothing is left running then."""
        _check(self._settings)
        self._settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_server(self._settings.data_dir):
            secrets_in_use = read_secrets(self._settings.secret, self._settings.data_dir)
            listening = _listen(self._settings)
            embedded = None if self._settings.valkey_url else self._embedded()
            try:
                if embedded:
                    embedded.start(waiting=lambda s: log.info("Valkey is loading its data, %.0f s so far", s))
                valkey_url = self._settings.valkey_url or (embedded.url if embedded else "")
                environment = self._environment(valkey_url, secrets_in_use)
                begun()
                asyncio.run(self._supervise(listening, environment, embedded))
            finally:
                listening.close()
                if embedded:
                    embedded.stop()
        if self._failure:
            raise ServeError(self._failure)

    def _embedded(self) -> EmbeddedValkey:
        return EmbeddedValkey(self._settings.data_dir, memory_mb=self._settings.valkey_memory_mb)

    def _environment(self, valkey_url: str, secrets_in_use: Sequence[bytes]) -> dict[str, str]:
        """Settings for the children, every one spelled out, so that they read the same as we did."""
        given = {item.name: getattr(self._settings, item.name) for item in fields(Settings)}
        given |= {
            "data_dir": self._settings.data_dir.absolute(),
            "database_url": self._settings.database,
            "valkey_url": valkey_url,
            "secret": b",".join(secrets_in_use).decode(),
        }
        named = {PREFIX + name.upper(): str(int(v)) if isinstance(v, bool) else str(v) for name, v in given.items()}
        return {**os.environ, **named, **share_metrics(self._metrics)}

    def _note(self, listening: socket.socket, valkey_url: str) -> None:
        host, port = listening.getsockname()[:2]
        scheme = "https" if self._settings.ssl_certfile else "http"
        address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        write_notes(
            self._settings.data_dir,
            Notes(pid=os.getpid(), address=address, valkey_url=valkey_url, database_url=self._settings.database),
        )
        log.info("listening on %s", address)
        self._on_listening()

    async def _supervise(
        self, listening: socket.socket, environment: Mapping[str, str], embedded: EmbeddedValkey | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        descriptor = listening.fileno()
        module = [sys.executable, "-m"]
        workers = [
            _Child(
                f"worker-{number}",
                [*module, "adserver.worker", str(descriptor), *(["demo"] if self._demo else [])],
                (descriptor,),
            )
            for number in range(1, self._settings.workers + 1)
        ]
        once = [] if self._background else ["once"]
        background = [_Child("background", [*module, "adserver.background", *once], restarts=self._background)]
        said, gate = self._pipes(workers, background[0])
        keepers = [asyncio.create_task(self._keep(child, environment)) for child in background + workers]
        watch = asyncio.create_task(self._watch(embedded))
        if await self._prepared(said):
            self._note(listening, environment[PREFIX + "VALKEY_URL"])
        os.close(gate)
        self._opened.set()
        await self._stopping.wait()
        log.info("stopping")
        listening.close()
        await self._stop_all([child.name for child in workers])
        await self._stop_all([child.name for child in background])
        for task in (*keepers, watch):
            task.cancel()
        await asyncio.gather(*keepers, watch, return_exceptions=True)

    def _pipes(self, workers: Sequence[_Child], background: _Child) -> tuple[int, int]:
        """What the first background worker says is read from the first; the first workers wait until the second is
        closed."""
        said, says = os.pipe()
        waits, gate = os.pipe()
        self._at_first = {background.name: says, **{worker.name: os.dup(waits) for worker in workers}}
        os.close(waits)
        return said, gate

    async def _prepared(self, said: int) -> bool:
        """Accounts come before requests: False when the stores can not be used, or it was stopped meanwhile."""
        words = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(words), os.fdopen(said, "rb")
        )
        reading, stopping = asyncio.create_task(words.read()), asyncio.create_task(self._stopping.wait())
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        transport.close()
        if not reading.done():
            reading.cancel()
            return False
        if reading.result() != READY:
            ended = "the background worker ended before the stores could be used; the log says why"
            self._failure = reading.result().decode() or ended
            self._stopping.set()
        return not self._stopping.is_set()

    async def _keep(self, child: _Child, environment: Mapping[str, str]) -> None:
        """Start ``child`` again whenever it ends, slower each time it does not live long."""
        delay = _BACKOFF_S
        quick_ends = 0
        ever_steady = False
        while not self._stopping.is_set():
            began = time.monotonic()
            ended = await self._run_once(child, environment)
            if self._stopping.is_set() or not child.restarts:
                return
            steady = time.monotonic() - began > _STEADY_S
            ever_steady = ever_steady or steady
            quick_ends = 0 if steady else quick_ends + 1
            if quick_ends >= _GIVE_UP and not ever_steady:
                self._failure = f"{child.name} does not stay alive ({ended}); the log says why"
                self._stopping.set()
                return
            log.error("%s %s and is started again", child.name, ended)
            delay = _BACKOFF_S if steady else min(delay * 2, _BACKOFF_MAX_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            await self._opened.wait()  # who died before does not answer before the others either

    async def _run_once(self, child: _Child, environment: Mapping[str, str]) -> str:
        """Run ``child`` to its end, and say how it ended."""
        at_first = self._at_first.pop(child.name, None)
        pipe = () if at_first is None else (at_first,)
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                *map(str, pipe),
                env={**environment, **metrics_slot(child.name)},
                pass_fds=(*child.pass_fds, *pipe),
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            return f"could not be started: {error.strerror}"
        finally:
            for descriptor in pipe:
                os.close(descriptor)
        self._processes[child.name] = process
        code = await process.wait()
        forget_slot(child.name, self._metrics)
        return f"ended with code {code}"

    async def _watch(self, embedded: EmbeddedValkey | None) -> None:
        """The embedded Valkey is started again when it died; its append-only file has what it knew."""
        while embedded:
            await asyncio.sleep(0.5)
            if not embedded.is_running():
                log.error("the embedded Valkey ended and is started again")
                try:
                    embedded.start()  # here, not in a thread: it is to end when this thread does
                except (EmbeddedValkeyError, OSError) as error:
                    log.error("that did not work and is tried again: %s", error)  # noqa: TRY400  the text says it all

    async def _stop_all(self, names: Sequence[str]) -> None:
        processes = [self._processes[name] for name in names if name in self._processes]
        for process in processes:
            with suppress(ProcessLookupError):
                process.terminate()
        for process in processes:
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                log.error(  # noqa: TRY400  the timeout itself says nothing
                    "process %s did not end in %.0f seconds and is killed",
                    process.pid,
                    STOP_S,
                )
                process.kill()
                await process.wait()


def _check(settings: Settings) -> None:
    """Find out now what would else end every worker at its start."""
    if settings.clock:
        if problem := own_clock_problem(settings.host, settings.public_url):
            raise SettingError(f"{PREFIX}CLOCK: {problem}")
        log.warning("ADSERVER_CLOCK is set: this server does not go by the true time, for simulations only")
    if settings.ssl_certfile or settings.ssl_keyfile:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
        except (OSError, ValueError) as error:
            raise SettingError(
                f"{PREFIX}SSL_CERTFILE, {PREFIX}SSL_KEYFILE: expected a certificate and its key as PEM files: {error}"
            ) from error
    if settings.own_creatives:
        from adserver.creative.library import load_creatives  # designs are for workers, mostly

        load_creatives(own=settings.own_creatives)
    if settings.geo_db:
        from adserver.storage.geo import GeoError, load_geo

        try:
            load_geo(settings.geo_db)
        except GeoError as error:
            raise SettingError(f"{PREFIX}GEO_DB: {error}") from error
    try:
        ConnectionPool.from_url(settings.valkey_url or "redis://localhost")
    except ValueError as error:
        raise SettingError(f"{PREFIX}VALKEY_URL: expected a URL like redis://host:6379: {error}") from error


def _listen(settings: Settings) -> socket.socket:
    """One listening socket for all workers: a connection that one of them can not take waits for another."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise OSError(f"can not listen on {settings.host}, port {settings.port}: {error.strerror}") from error
    listening.listen(settings.backlog)
    listening.set_inheritable(True)
    return listening
