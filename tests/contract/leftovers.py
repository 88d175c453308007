"""An asynchronous test must leave nothing behind, whatever loop it ran on.

A test module takes the fixture in with ``pytest_plugins = ["tests.contract.leftovers"]``.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from tests.contract.eventually import eventually


@pytest.fixture
async def nothing_left(anyio_backend: object) -> AsyncIterator[None]:
    """No task, no socket, no exception that nobody has seen."""
    unseen: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    tasks, files = _tasks(), _sockets()
    gc.freeze()  # what is here already need not be looked at afterwards
    yield
    await eventually(lambda: _sockets() <= files, within=3, what="closed sockets")
    await eventually(lambda: _tasks() <= tasks, within=3, what="ended tasks")
    gc.collect()
    gc.unfreeze()
    await asyncio.sleep(0)
    loop.set_exception_handler(handler)
    assert unseen == []


def _sockets() -> int:
    """The loops have other files of their own, which they open when they need them."""
    files = Path("/proc/self/fd")
    return sum(os.readlink(file).startswith("socket:") for file in files.iterdir() if file.is_symlink())


def _tasks() -> set[asyncio.Task[Any]]:
    """All but those of the test runner, which has a new one for each step."""
    return {task for task in asyncio.all_tasks() if "anyio" not in _file(task)}


def _file(task: asyncio.Task[Any]) -> str:
    return str(cast("Coroutine[Any, Any, Any]", task.get_coro()).cr_code.co_filename)  # type: ignore[attr-defined]
