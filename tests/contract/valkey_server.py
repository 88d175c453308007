"""A real Valkey for tests: the embedded one, in a folder of its own, emptied before each test.

A test module takes the fixtures in with ``pytest_plugins = ["tests.contract.valkey_server"]`` and does not
import this module: pytest would complain that it can not rewrite its assertions.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.embedded import EmbeddedValkey


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests (marked ``anyio``) run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The address of a server that lives as long as the test session."""
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        embedded = EmbeddedValkey(Path(folder))
        embedded.start()
        yield embedded.url
        embedded.stop()


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[Valkey]:
    """A client of an empty server, with this version's functions and no others."""
    client = Valkey(valkey_url)
    await client.redis.flushall()
    await client.redis.function_flush("SYNC")
    await client.load_functions()
    yield client
    await client.close()
