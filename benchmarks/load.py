"""The load generator on its own, against a server that is running: ``python -m benchmarks.load URL --help``.

Closed loop: as many requests as the server answers. ``--rate``: open loop, that many per second whatever is answered.
"""

import json
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.address import Address, checked_address
from benchmarks.arrivals import constant, poisson
from benchmarks.client import LoadError
from benchmarks.measure import Round, Supply, closed, cycled, opened
from benchmarks.mix import Mix, Ratio
from benchmarks.stage import Target
from benchmarks.traffic import Manner, Site, Traffic, unexpected


class What(StrEnum):
    """What is asked for."""

    PIXEL = "pixel"
    AD = "ad"
    MIX = "mix"


def supply_of(what: What, traffic: Traffic, visitors: int, ratio: Ratio, *, seed: int) -> Supply:
    """Makes the visitors and encodes what they ask. Raises LoadError."""
    viewers = traffic.make_visitors(visitors, history=False, connections=32)
    if what is What.PIXEL:
        return cycled("pixel", traffic.pixels(viewers))
    readers = traffic.make_visitors(visitors, history=True, connections=32)
    if what is What.AD:
        return cycled("ad", traffic.ads(readers))
    return Mix(traffic, viewers, readers, ratio, seed=seed).requests


def found(done: Round) -> dict[str, object]:
    """The numbers of one run."""
    names: dict[str, int] = {}
    for kind, count in done.counts.items():
        names[str(kind)] = names.get(str(kind), 0) + count
    return {
        "answers_per_s": round(done.per_second, 1),
        "latency_ms": done.latency.summary_ms(),
        **({"generator_lag_ms": done.lag.summary_ms()} if done.lag.total else {}),
        "answers": names,
        "not_sent": done.unsent,
        "unexpected": unexpected(done.counts),
    }


def _checked(url: str, *, any_machine: bool) -> Address:
    try:
        return checked_address(url, any_machine=any_machine)
    except ValueError as error:
        raise typer.BadParameter(f"{url}: {error}") from error


def _products(given: Sequence[str], file: Path | None) -> list[str]:
    products = [*given, *(file.read_text("utf-8").split() if file else ())]
    if not products:
        raise typer.BadParameter("--product or --products is needed")
    return products


def _ratio(text: str) -> Ratio:
    try:
        pixel, newcomers, ad, impression, click = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise typer.BadParameter("--ratio is five numbers: returning:new:ads:impressions:clicks") from error
    return Ratio(pixel=pixel, newcomers=newcomers, ad=ad, impression=impression, click=click)


def main(
    url: Annotated[str, typer.Argument(help="http://host:port")],
    advertiser: Annotated[str, typer.Option(help="An advertiser id the server knows")],
    placement: Annotated[str, typer.Option(help="A placement id the server knows")],
    product: Annotated[
        list[str] | None, typer.Option(help="A product id, the most popular first; give several")
    ] = None,
    products: Annotated[Path | None, typer.Option(help="A file of product ids, separated by blanks")] = None,
    what: Annotated[What, typer.Option()] = What.MIX,
    ratio: Annotated[str, typer.Option(help="Of the mix: returning:new:ads:impressions:clicks")] = "90:10:20:15:0.3",
    rate: Annotated[float, typer.Option(min=0, help="Open loop, requests per second; 0: closed loop")] = 0,
    random: Annotated[bool, typer.Option("--poisson", help="Random arrivals instead of even ones")] = False,
    seconds: Annotated[float, typer.Option(min=0.3, max=86_400)] = 10,
    warm_up: Annotated[float, typer.Option(min=0, max=600, help="Seconds before, not measured")] = 1,
    connections: Annotated[int, typer.Option(min=1, max=10_000)] = 64,
    visitors: Annotated[int, typer.Option(min=1, max=1_000_000)] = 1_000,
    consent: Annotated[float, typer.Option(min=0, max=1, help="Share of visitors with a consent string")] = 0.7,
    lean: Annotated[bool, typer.Option("--lean", help="Few headers instead of a browser's")] = False,
    shop_page: Annotated[str, typer.Option(help="Referer of events")] = "",
    news_page: Annotated[str, typer.Option(help="Referer of ads")] = "",
    seed: Annotated[int, typer.Option()] = 1,
    i_own_this_server: Annotated[
        bool, typer.Option("--i-own-this-server", help="Load a machine that is not this one")
    ] = False,
) -> None:
    """Put a running server under load; it counts as real traffic there. Prints JSON."""
    console = Console(width=None if os.isatty(1) else 120)
    address = _checked(url, any_machine=i_own_this_server)
    site = Site(
        advertiser=advertiser,
        placement=placement,
        products=_products(product or [], products),
        shop_page=shop_page,
        news_page=news_page,
    )
    traffic = Traffic(site, address, Manner(browser=not lean, consent=consent), seed=seed)
    target = Target(name=url, address=address, workers=[], helpers=[])
    try:
        supply = supply_of(what, traffic, visitors, _ratio(ratio), seed=seed)
        if not rate:
            done = closed(target, supply, connections=connections, warm_up_s=warm_up, seconds=seconds)
        else:
            times = poisson(rate, seconds, Random(seed)) if random else constant(rate, seconds)
            done = opened(target, supply, times, connections=connections)
    except LoadError as error:
        console.print(f"failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    print(json.dumps(found(done), indent=2))


if __name__ == "__main__":
    typer.run(main)
