"""``adserver creative``: the designs that there are, whether they can be served, and how to begin one."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from adserver.commands.feed_report import counted, plain_table, print_json
from adserver.creative.check import check_creative
from adserver.creative.creative import Creative
from adserver.creative.fault import CreativeError
from adserver.creative.flaw import Flaw, Gravity
from adserver.creative.library import creative_folders, load_creatives
from adserver.creative.manifest import SIZES
from adserver.creative.start import new_creative
from adserver.settings import Settings

_STYLES = {Gravity.ERROR: "red", Gravity.WARNING: "yellow", Gravity.NOTE: "dim"}


def list_creatives(settings: Settings, *, as_json: bool, console: Console) -> int:
    """All designs: what each is for, its sizes, how many products, what a line item may set."""
    creatives = load_creatives(own=settings.own_creatives)
    if as_json:
        print_json({"creatives": [_as_document(creative) for creative in creatives.values()]})
        return 0
    table = plain_table("Creatives")
    for title in ("Name", "What it is for", "Sizes", "Products", "Options"):
        table.add_column(title, overflow="fold")
    for creative in creatives.values():
        table.add_row(
            creative.name,
            Text(creative.about),
            "all" if creative.sizes >= set(SIZES) else "\n".join(creative.manifest.sizes),
            _products(creative),
            "\n".join(creative.options),
        )
    console.print(table, soft_wrap=False)
    return 0


def make_creative(name: str, parent: Path, *, console: Console) -> int:
    """A new folder; says what to do with it."""
    try:
        made = new_creative(name, parent)
    except CreativeError as error:
        console.print(Text(f"Nothing was made. {error}", style="red"))
        return 1
    for file in made:
        console.print(Text(str(file)))
    console.print("\nLook at it:")
    console.print(Text(f"    ADSERVER_CREATIVES={parent} ADSERVER_PREVIEW_OPEN=1 adserver serve"))
    console.print(Text(f"    http://127.0.0.1:8000/preview?creative={name}"))
    console.print(f"Check it:\n    adserver creative check {parent / name}", markup=False, highlight=False)
    return 0


def check_creatives(settings: Settings, given: Sequence[Path], *, as_json: bool, console: Console) -> int:
    """Exit code 1 where there is an error. ``given``: folders of one creative or of several; none: all in use."""
    found: dict[Path, list[Flaw]] = {}
    for folder in _folders(settings, given):
        found[folder] = check_creative(folder, time.perf_counter)
        if not as_json:
            _tell(folder, found[folder], console)
    errors = sum(flaw.gravity is Gravity.ERROR for flaws in found.values() for flaw in flaws)
    if as_json:
        print_json({"errors": errors, "creatives": [_checked(folder, flaws) for folder, flaws in found.items()]})
    else:
        console.print(_summary(found), highlight=False)
    return 1 if errors else 0


def _folders(settings: Settings, given: Sequence[Path]) -> list[Path]:
    if not given:
        return creative_folders(own=settings.own_creatives)
    folders: list[Path] = []
    for one in given:
        if (one / "creative.toml").is_file() or not one.is_dir():
            folders.append(one)
        else:
            folders += [file.parent for file in sorted(one.glob("*/creative.toml"))] or [one]
    return list(dict.fromkeys(folders))


def _tell(folder: Path, flaws: Sequence[Flaw], console: Console) -> None:
    console.print(Text(str(folder), style="bold"), Text("" if flaws else "good", style="green"))
    for flaw in flaws:
        line = Text("  ").append(f"{flaw.gravity}", style=_STYLES[flaw.gravity])
        place = ", ".join(part for part in (flaw.file, flaw.where) if part)
        line.append(f"  {place}: {_printable(flaw.what)}" if place else f"  {_printable(flaw.what)}")
        console.print(line)
        if flaw.expected:
            console.print(Text(f"      expected {_printable(flaw.expected)}", style="dim"))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _summary(found: Mapping[Path, Sequence[Flaw]]) -> str:
    counts = [
        counted(sum(flaw.gravity is gravity for flaws in found.values() for flaw in flaws), gravity.value)
        for gravity in Gravity
    ]
    return f"{counted(len(found), 'creative')}: {', '.join(counts)}."


def _checked(folder: Path, flaws: Sequence[Flaw]) -> dict[str, object]:
    told = [{**flaw._asdict(), "gravity": flaw.gravity.value} for flaw in flaws]
    return {"folder": str(folder), "findings": told}


def _products(creative: Creative) -> str:
    most = max(creative.max_products(size) for size in creative.sizes)
    if not most:
        return "none"
    return str(most) if most == creative.min_products else f"{creative.min_products} to {most}"


def _as_document(creative: Creative) -> dict[str, object]:
    return {
        "name": creative.name,
        "about": creative.about,
        "sizes": list(creative.manifest.sizes),
        "products": {
            "min": creative.min_products,
            "max": {size: creative.max_products(size) for size in creative.manifest.sizes},
        },
        "options": [
            {
                "name": option.name,
                "type": option.type.value,
                "default": option.default,
                "expected": option.expected,
                "help": option.help,
            }
            for option in creative.options.values()
        ],
    }
