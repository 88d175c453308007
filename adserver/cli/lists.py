"""``adserver list``: customers whom a shop names itself."""

from pathlib import Path
from typing import Annotated

import typer

from adserver.cli.options import DatabaseUrl, DataDir, FeedOf, ValkeyUrl, run_async

list_app = typer.Typer(help="Customers whom a shop names itself, by the SHA-256 of their e-mail.", no_args_is_help=True)
ListName = Annotated[str, typer.Argument(metavar="NAME", help="Of the list.", show_default=False)]


@list_app.command("upload")
def list_upload(
    advertiser: FeedOf,
    name: ListName,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Text or CSV: e-mail addresses, or their SHA-256.", show_default=False),
    ],
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make or replace a list. Addresses are hashed here; none is kept."""
    from adserver.commands import lists

    run_async(
        lambda settings, console: lists.upload(settings, advertiser, name, file, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@list_app.command("show")
def list_show(
    advertiser: Annotated[
        str | None, typer.Argument(metavar="ADVERTISER", help="One of them; all when left out.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the lists, how many addresses each has, and who uses it."""
    from adserver.commands import lists

    run_async(
        lambda settings, console: lists.show(settings, advertiser, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@list_app.command("remove")
def list_remove(
    advertiser: FeedOf,
    name: ListName,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Forget a list that no line item uses."""
    from adserver.commands import lists

    run_async(
        lambda settings, console: lists.remove(settings, advertiser, name, console=console),
        data_dir,
        valkey_url,
        database_url,
    )
