"""``adserver serve``: one process tree. It migrates the database, owns the embedded Valkey, keeps the workers alive."""

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
from adserver.control import open_control
from adserver.creative.library import load_creatives
from adserver.notes import Notes, ServeError, only_server, write_notes
from adserver.secret import read_secrets
from adserver.settings import PREFIX, SettingError, Settings
from adserver.storage.geo import GeoError, load_geo
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.sql import migrate
from adserver.storage.sql.engine import open_engine
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
        self._failure = ""
        self._processes: dict[str, Process] = {}
        self._metrics = settings.data_dir.absolute() / "metrics"

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises SettingError, CreativeError, DatabaseUnavailable, EmbeddedValkeyError,
        AlreadyRunning, ServeError, or OSError when the address is taken; nothing is left running then."""
        _check(self._settings)
        self._settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_server(self._settings.data_dir):
            secrets_in_use = read_secrets(self._settings.secret, self._settings.data_dir)
            self._migrate()
            listening = _listen(self._settings)
            embedded = None if self._settings.valkey_url else self._embedded()
            try:
                if embedded:
                    embedded.start(waiting=lambda s: log.info("Valkey is loading its data, %.0f s so far", s))
                valkey_url = self._settings.valkey_url or (embedded.url if embedded else "")
                environment = self._environment(valkey_url, secrets_in_use)
                asyncio.run(self._publish(valkey_url))
                self._note(listening, valkey_url)
                asyncio.run(self._supervise(listening, environment, embedded))
            finally:
                listening.close()
                if embedded:
                    embedded.stop()
        if self._failure:
            raise ServeError(self._failure)

    def _embedded(self) -> EmbeddedValkey:
        return EmbeddedValkey(self._settings.data_dir, memory_mb=self._settings.valkey_memory_mb)

    def _migrate(self) -> None:
        engine = open_engine(self._settings.database)
        try:
            migrate.upgrade(engine)
        finally:
            engine.dispose()

    async def _publish(self, valkey_url: str) -> None:
        """Accounts come before workers: each is ready with its first request."""
        try:
            async with open_control(self._settings.database, valkey_url) as control:
                await control.publish(anew=True)
        except StoreUnavailable as error:
            log.warning("starting without Valkey: %s", error)

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
        background = [_Child("background", [*module, "adserver.background"])] if self._background else []
        keepers = [asyncio.create_task(self._keep(child, environment)) for child in workers + background]
        watch = asyncio.create_task(self._watch(embedded))
        await self._stopping.wait()
        log.info("stopping")
        listening.close()
        await self._stop_all([child.name for child in workers])
        await self._stop_all([child.name for child in background])
        for task in (*keepers, watch):
            task.cancel()
        await asyncio.gather(*keepers, watch, return_exceptions=True)

    async def _keep(self, child: _Child, environment: Mapping[str, str]) -> None:
        """Start ``child`` again whenever it ends, slower each time it does not live long."""
        delay = _BACKOFF_S
        quick_ends = 0
        ever_steady = False
        while not self._stopping.is_set():
            began = time.monotonic()
            ended = await self._run_once(child, environment)
            if self._stopping.is_set():
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

    async def _run_once(self, child: _Child, environment: Mapping[str, str]) -> str:
        """Run ``child`` to its end, and say how it ended."""
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                env={**environment, **metrics_slot(child.name)},
                pass_fds=child.pass_fds,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            return f"could not be started: {error.strerror}"
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
        load_creatives(own=settings.own_creatives)
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
