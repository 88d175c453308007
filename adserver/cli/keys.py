"""``adserver key``: who may call the API."""

from typing import Annotated

import typer

from adserver.cli.options import DatabaseUrl, DataDir, ValkeyUrl, run_async

key_app = typer.Typer(help="API keys: who may call the server's API.", no_args_is_help=True)


@key_app.command("create")
def key_create(
    scope: Annotated[
        str, typer.Argument(metavar="SCOPE", help="operator, advertiser:ID or publisher:ID", show_default=False)
    ],
    label: Annotated[str, typer.Option(help="What the key is for.")] = "unnamed",
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key and show its secret, once."""
    from adserver.commands import keys

    run_async(
        lambda settings, console: keys.create(settings, scope, label, console=console),
        data_dir,
        valkey_url,
        database_url,
    )


@key_app.command("list")
def key_list(data_dir: DataDir = None, valkey_url: ValkeyUrl = None, database_url: DatabaseUrl = None) -> None:
    """Show all keys, without their secrets."""
    from adserver.commands import keys

    run_async(lambda settings, console: keys.list_all(settings, console=console), data_dir, valkey_url, database_url)


@key_app.command("revoke")
def key_revoke(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Its number, or how its secret begins.", show_default=False)
    ],
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key worthless."""
    from adserver.commands import keys

    run_async(
        lambda settings, console: keys.revoke(settings, key, console=console),
        data_dir,
        valkey_url,
        database_url,
    )
