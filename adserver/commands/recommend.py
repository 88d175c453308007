"""``adserver feed related`` and ``adserver feed best``: what recommendations are made of, for a person to look at."""

import time

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.audience.affinity import fading
from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.control import Control
from adserver.model.related import Kind, Popular, Standing
from adserver.settings import Settings

SHOWN = 20
"""Rows of a table."""


async def related(settings: Settings, advertiser: str, product: str, *, console: Console) -> int:
    """What is viewed and bought together with one product. Exit code 1 where the catalog has no such product."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=True) as control:
        ref = _ref_of(control, advertiser, console)
        if not ref:
            return 1
        name = (await control.related.names(ref, [product]) or {}).get(product)
        if name is None:
            console.print(Text(f'The catalog of "{advertiser}" has no product and no item group "{product}".', "red"))
            return 1
        standings = {kind: (await control.related.standings(ref, kind, [name])).get(name) for kind in Kind}
    known = [(kind, standing) for kind, standing in standings.items() if standing is not None]
    for kind, standing in known:
        console.print(_table_of(name, kind, standing))
    if not known:
        console.print(Text(f"Nobody has looked at {name} yet, or not lately.", "dim"))
    return 0


async def best(settings: Settings, advertiser: str, *, console: Console) -> int:
    """What is bought and viewed most."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=True) as control:
        ref = _ref_of(control, advertiser, console)
        if not ref:
            return 1
        bought, viewed = [await control.related.popular(ref, kind) for kind in (Kind.BOUGHT, Kind.VIEWED)]
    for title, popular in (("Best sellers", bought), ("Viewed most", viewed)):
        if popular.visits:
            console.print(_popular_table(title, popular))
    if not bought.visits and not viewed.visits:
        console.print(Text("Nobody has looked at anything yet, or not lately.", "dim"))
    return 0


def _ref_of(control: Control, advertiser: str, console: Console) -> int:
    """0, and the reason on the screen, where there is no such advertiser."""
    _, accounts = control.accounts.load()
    found = accounts.advertisers.get(advertiser)
    if found is None:
        known = ", ".join(sorted(accounts.advertisers)) or "none yet; see: adserver apply"
        console.print(Text(f'There is no advertiser "{advertiser}". Known: {known}', "red"))
        return 0
    return found.ref


def _table_of(name: str, kind: Kind, standing: Standing) -> Table:
    left = fading(standing.at, int(time.time()))
    table = Table(
        title=f"{kind.capitalize()} together with {name} ({standing.visits * left:.1f} visits)", title_justify="left"
    )
    table.add_column("Product")
    table.add_column("Together", justify="right")
    table.add_column(f"{kind.capitalize()} at all", justify="right")
    for product, (together, visits) in list(standing.partners.items())[:SHOWN]:
        table.add_row(Text(product), f"{together * left:.1f}", f"{visits * left:.1f}")
    return table


def _popular_table(title: str, popular: Popular) -> Table:
    left = fading(popular.at, int(time.time()))
    table = Table(title=title, title_justify="left")
    table.add_column("Product")
    table.add_column("Visits", justify="right")
    for product, visits in list(popular.visits.items())[:SHOWN]:
        table.add_row(Text(product), f"{visits * left:.1f}")
    return table
