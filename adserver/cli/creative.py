"""``adserver creative``: what banners look like."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from adserver.cli.options import AsJson, run_command

creative_app = typer.Typer(
    help="Creatives: the designs of banners, each a folder; ADSERVER_CREATIVES names a folder of your own.",
    no_args_is_help=True,
)


@creative_app.command("list")
def creative_list(as_json: AsJson = False) -> None:
    """Show the designs that there are: sizes, products, options."""

    def work() -> int:
        from adserver.commands.creative import list_creatives
        from adserver.settings import load_settings

        return list_creatives(load_settings(), as_json=as_json, console=Console())

    run_command(work)


@creative_app.command("new")
def creative_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What line items call it.", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Where its folder is made.", show_default="ADSERVER_CREATIVES, else my-creatives"),
    ] = None,
) -> None:
    """Begin a design: a small one that is complete. Nothing is overwritten."""

    def work() -> int:
        from adserver.commands.creative import make_creative
        from adserver.settings import load_settings

        parent = folder or load_settings().own_creatives or Path("my-creatives")
        return make_creative(name, parent, console=Console(soft_wrap=True))

    run_command(work)


@creative_app.command("check")
def creative_check(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DIR...", help="Of one design or of several; else all that are used.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with designs: names, weight, contrast, addresses, motion. Exit code 1 on errors."""

    def work() -> int:
        from adserver.commands.creative import check_creatives
        from adserver.settings import load_settings

        return check_creatives(load_settings(), folders or [], as_json=as_json, console=Console(soft_wrap=True))

    run_command(work)
