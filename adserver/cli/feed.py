"""``adserver feed``: a shop's products."""

from typing import Annotated

import typer

from adserver.cli.options import AsJson, DatabaseUrl, DataDir, FeedOf, ValkeyUrl, run_async

feed_app = typer.Typer(help="Products of a shop, from the feed it already exports.", no_args_is_help=True)


@feed_app.command("import")
def feed_import(
    advertiser: FeedOf,
    source: Annotated[
        str | None,
        typer.Argument(metavar="FILE_OR_URL", help="The feed; the account's own when left out.", show_default=False),
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Use it even if much of it has changed.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Replace a shop's products by those of a feed. The old ones stay when it is broken, or hardly meant like that."""
    from adserver.commands.feed import import_feed

    run_async(
        lambda settings, console: import_feed(
            settings, advertiser, source, accept=accept, as_json=as_json, console=console
        ),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("check")
def feed_check(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="The feed.", show_default=False)],
    currency: Annotated[str, typer.Option(help="Meant where a price names none.")] = "EUR",
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a feed, and change nothing. Needs no account and no server."""
    from adserver.commands.feed import check

    run_async(
        lambda settings, console: check(settings, source, currency=currency, as_json=as_json, console=console),
        None,
        None,
        None,
    )


@feed_app.command("history")
def feed_history(
    advertiser: FeedOf,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The last 20 imports of a shop's feed."""
    from adserver.commands.feed import history

    run_async(
        lambda settings, console: history(settings, advertiser, as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("show")
def feed_show(
    advertiser: FeedOf,
    number: Annotated[
        int | None,
        typer.Argument(metavar="IMPORT", help="Its number in the history; the last when left out.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What one import found: line by line what is wrong, what was expected, how to mend it."""
    from adserver.commands.feed import show

    run_async(
        lambda settings, console: show(settings, advertiser, number, as_json=as_json, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("rebuild")
def feed_rebuild(
    advertiser: Annotated[
        str | None,
        typer.Argument(metavar="ADVERTISER", help="One advertiser; all when left out.", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Fill an empty Valkey from the last good feeds, with the prices seen before."""
    from adserver.commands.feed import rebuild

    run_async(
        lambda settings, console: rebuild(settings, advertiser, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("related")
def feed_related(
    advertiser: FeedOf,
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="Its id, or that of its item group.", show_default=False)
    ],
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What visitors view, and buy, together with one product."""
    from adserver.commands.recommend import related

    run_async(
        lambda settings, console: related(settings, advertiser, product, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@feed_app.command("best")
def feed_best(
    advertiser: FeedOf,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """A shop's best sellers, and what is viewed most."""
    from adserver.commands.recommend import best

    run_async(lambda settings, console: best(settings, advertiser, console=console), data_dir, valkey_url, database_url)
