"""Where the command line finds the stores: by flag, by environment, else by what the running server noted."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from adserver.control import Control, open_control
from adserver.notes import only_server, read_notes
from adserver.settings import Settings
from adserver.storage.sql import migrate
from adserver.storage.sql.engine import open_engine
from adserver.storage.valkey.embedded import EmbeddedValkey, is_alive, socket_url


def find_database(settings: Settings) -> str:
    """The URL of the SQL database."""
    notes = read_notes(settings.data_dir)
    if settings.database_url or notes is None:
        return settings.database
    return notes.database_url


def find_valkey(settings: Settings) -> str | None:
    """The URL of a Valkey that is expected to run; None when it is the embedded one and that sleeps."""
    embedded = socket_url(settings.data_dir)
    notes = read_notes(settings.data_dir)
    url = settings.valkey_url or (notes.valkey_url if notes else embedded)
    return url if url != embedded or is_alive(settings.data_dir) else None


@asynccontextmanager
async def open_stores(settings: Settings, *, wake_valkey: bool) -> AsyncIterator[Control]:
    """The stores, the database brought up to date first.

    ``wake_valkey``: start a sleeping embedded Valkey for as long as this lasts. Without it calls to Valkey raise
    StoreUnavailable then. Raises DatabaseUnavailable, EmbeddedValkeyError, AlreadyRunning.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = find_database(settings)
    engine = open_engine(database)
    try:
        migrate.upgrade(engine)
    finally:
        engine.dispose()
    with _valkey(settings, wake=wake_valkey) as valkey:
        async with open_control(
            database, valkey, fetch_allow=settings.fetch_allow, feed_archive=settings.archive
        ) as control:
            yield control


@contextmanager
def _valkey(settings: Settings, *, wake: bool) -> Iterator[str]:
    found = find_valkey(settings)
    if found is not None or not wake:
        yield found or socket_url(settings.data_dir)
        return
    with only_server(settings.data_dir):
        embedded = EmbeddedValkey(settings.data_dir)
        embedded.start()
        try:
            yield embedded.url
        finally:
            embedded.stop()
