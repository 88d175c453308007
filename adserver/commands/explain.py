"""``adserver explain``: what one visitor would be shown in one placement, and of every line item why or why not."""

import random
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from difflib import get_close_matches

import orjson
from rich.console import Console

from adserver.clock import clock_of
from adserver.commands.explain_report import tell
from adserver.commands.installation import expect_installation
from adserver.commands.stores import find_valkey, open_stores
from adserver.creative.library import load_creatives
from adserver.model.hit import Hit
from adserver.random_ids import RandomIds
from adserver.secret import read_secrets
from adserver.service.explain_ad import ExplainAd
from adserver.service.explanation import NotExplained, explanation_json
from adserver.service.fill_ad import FillAd
from adserver.service.live import Live, follow, follow_rates
from adserver.service.look import Sight
from adserver.service.purse import Purse
from adserver.settings import Settings
from adserver.storage.geo import load_geo
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.budgets import ValkeyBudgets
from adserver.storage.valkey.catalog_reader import ValkeyCatalogReader
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.lists import ValkeyListReader
from adserver.storage.valkey.rates import ValkeyRates
from adserver.storage.valkey.related_reader import ValkeyRelatedReader
from adserver.storage.valkey.route import route_to
from adserver.storage.valkey.snapshots import ValkeySnapshots
from adserver.storage.valkey.visitors import ValkeyVisitors
from adserver.tracking.keyring import Keyring
from adserver.tracking.visitor import VISITOR_ID, VisitorCookies


async def explain(
    settings: Settings, visitor: str, placement: str, *, at: datetime | None, as_json: bool, console: Console
) -> int:
    """``visitor``: an id, or the value of a cookie; ``at``: now where it is None. Nothing is counted or taken. 1 where
    there is no such placement, or ``visitor`` is neither."""
    expect_installation(settings)
    cookies = VisitorCookies(Keyring(_secrets(settings), "visitor"))
    known = cookies.visitor_of((visitor,)) or visitor
    if not VISITOR_ID.fullmatch(known):
        return _refuse(
            "--visitor: expected the id of a visitor (22 characters), or the value of a cookie that this server signed"
        )
    now = at.timestamp() if at else clock_of(settings.clock)()
    async with open_stores(settings, wake_valkey=True), _opened(settings, cookies) as (explain_ad, live):
        known_placements = live.index.placements
        if placement not in known_placements:
            return _refuse(f"--placement: there is no {placement}. {_nearest(placement, known_placements)}")
        found = await explain_ad(placement, Hit(now), known)
    if isinstance(found, NotExplained):
        raise StoreUnavailable(found.value)
    if as_json:
        body = orjson.dumps(explanation_json(found), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    else:
        tell(found, visitor=known, at=datetime.fromtimestamp(now, UTC), console=console)
    return 0


@asynccontextmanager
async def _opened(settings: Settings, cookies: VisitorCookies) -> AsyncIterator[tuple[ExplainAd, Live]]:
    """What a worker would decide with, after its first look at what is published."""
    url = find_valkey(settings)
    if url is None:
        raise StoreUnavailable("no Valkey runs for this data folder")
    valkey, library = Valkey(url), Library()
    hot = HotValkey(route_to(url, library), library)
    try:
        await hot.up()
        yield await _composed(settings, cookies, valkey, hot)
    finally:
        await hot.close()
        await valkey.close()


async def _composed(
    settings: Settings, cookies: VisitorCookies, valkey: Valkey, hot: HotValkey
) -> tuple[ExplainAd, Live]:
    creatives = load_creatives(origin=settings.public_url, own=settings.own_creatives)
    sizes = {name: creative.sizes for name, creative in creatives.items()}
    live, catalogs, lists = Live(sizes), ValkeyCatalogReader(hot), ValkeyListReader(valkey)
    await follow(live, ValkeySnapshots(valkey), catalogs, lists)
    await follow_rates(live, ValkeyRates(valkey))
    purse = Purse(ValkeyBudgets(hot), token_s=settings.impression_minutes * 60, mint=RandomIds(8))
    clock = clock_of(settings.clock)
    explain_ad = ExplainAd(
        live,
        sight=Sight(
            live=live,
            catalogs=catalogs,
            lists=lists,
            purse=purse,
            places=load_geo(settings.geo_db),
            consent_default=settings.consent_default,
        ),
        fill=FillAd(catalogs, ValkeyRelatedReader(hot, catalogs), creatives),
        look=lambda booking, _: purse.look(booking, clock()),  # money is told as it is now: leases end by the true time
        visitors=ValkeyVisitors(hot, retention_s=0, new_visitor_s=0),
        cookies=cookies,
        creative_sizes=sizes,
        rng=random.Random(secrets.randbits(128)).random,  # noqa: S311  it breaks ties
    )
    return explain_ad, live


def _secrets(settings: Settings) -> tuple[bytes, ...]:
    """Those of the server. Where none was made yet no cookie was signed, so any will do, and none is made."""
    if settings.secret or (settings.data_dir / "secret").exists():
        return read_secrets(settings.secret, settings.data_dir)
    return (secrets.token_bytes(32),)


def _nearest(placement: str, known: Mapping[str, object]) -> str:
    if not known:
        return "There are none yet; see: adserver apply"
    near = get_close_matches(placement, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}"


def _refuse(why: str) -> int:
    Console(stderr=True, soft_wrap=True).print(f"adserver: {why}", style="red", markup=False, highlight=False)
    return 1
