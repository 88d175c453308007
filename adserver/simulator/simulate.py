"""One world from its first second to the verdict."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from adserver.simulator.answers import AnswerReader, BadAnswer
from adserver.simulator.books import read_books
from adserver.simulator.client import Client, ServerGone
from adserver.simulator.laws import Findings, examine
from adserver.simulator.ledger import Ledger
from adserver.simulator.pace import Pace
from adserver.simulator.run import Course
from adserver.simulator.server import IMPRESSION_MINUTES, Home, SimulationError, furnish, serving
from adserver.simulator.shoppers import Shopper, make_shoppers
from adserver.simulator.world import World

SPEED = 10_800.0
"""A day in eight seconds, where the machine has nothing else to do."""


async def simulate(world: World, *, speed: float = SPEED) -> Findings:
    """Live through ``world`` with a server of its own, ``speed`` times as fast as it would really go. Raises
    SimulationError where the server does not play along at all."""
    shoppers = make_shoppers(world)
    with tempfile.TemporaryDirectory(prefix="ads-sim-", ignore_cleanup_errors=True) as folder:
        home = await furnish(world, Path(folder), speed=speed)
        ledger = await _live(world, home, shoppers)
        books = await read_books(world, home)
    return examine(world, ledger, home.accounts, books, impression_ttl_s=IMPRESSION_MINUTES * 60)


async def _live(world: World, home: Home, shoppers: Sequence[Shopper]) -> Ledger:
    async with serving(home) as server, Client(server.host, server.port) as client:
        reader = AnswerReader(server.secrets_in_use, impression_ttl_s=IMPRESSION_MINUTES * 60)
        course = Course(world, Pace(home.clock), client, reader)
        try:
            await course.run(shoppers)
        except (ServerGone, BadAnswer) as error:
            raise SimulationError(f"{error}; the server's log ends: {home.last_words}") from error
        return course.ledger
