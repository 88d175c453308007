"""``adserver segment``: how many visitors are in one."""

from pathlib import Path
from typing import Annotated

import typer

from adserver.cli.options import AsJson, DatabaseUrl, DataDir, FeedOf, ValkeyUrl, run_async

segment_app = typer.Typer(help="How many visitors are in a segment.", no_args_is_help=True)
SegmentName = Annotated[
    str, typer.Argument(metavar="SEGMENT", help="A rung of the ladder, or the id of a rule.", show_default=False)
]
NewAccounts = Annotated[
    Path | None, typer.Option("--file", metavar="FILE.toml", help="Accounts that are not applied yet.")
]
Sample = Annotated[int, typer.Option("--sample", min=0, help="Look at so many visitors; 0 for all of them.")]


@segment_app.command("list")
def segment_list(
    advertiser: Annotated[
        str | None, typer.Argument(metavar="ADVERTISER", help="One of them; all when left out.", show_default=False)
    ] = None,
    file: NewAccounts = None,
    sample: Sample = 50_000,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Every rung of the ladder and every rule, with the visitors in it."""
    _segments(advertiser, (), file, sample, as_json, data_dir, valkey_url, database_url)


@segment_app.command("size")
def segment_size(
    advertiser: FeedOf,
    segment: SegmentName,
    file: NewAccounts = None,
    sample: Sample = 50_000,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """How many visitors are in a segment, also before its rule is applied."""
    _segments(advertiser, (segment,), file, sample, as_json, data_dir, valkey_url, database_url)


@segment_app.command("overlap")
def segment_overlap(
    advertiser: FeedOf,
    segment: SegmentName,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.", show_default=False)],
    file: NewAccounts = None,
    sample: Sample = 50_000,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    valkey_url: ValkeyUrl = None,
    database_url: DatabaseUrl = None,
) -> None:
    """How many visitors are in two segments at once."""
    _segments(advertiser, (segment, other), file, sample, as_json, data_dir, valkey_url, database_url)


def _segments(
    advertiser: str | None,
    names: tuple[str, ...],
    file: Path | None,
    sample: int,
    as_json: bool,
    data_dir: Path | None,
    valkey_url: str | None,
    database_url: str | None,
) -> None:
    from adserver.commands.segments import segments

    run_async(
        lambda settings, console: segments(
            settings, advertiser, names, file=file, sample=sample, as_json=as_json, console=console
        ),
        data_dir,
        valkey_url,
        database_url,
    )
