"""Whether the folder of a creative can be served, and what its designer should look at."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from adserver.creative.check_contrast import contrast_flaws
from adserver.creative.check_folder import folder_flaws
from adserver.creative.check_markup import markup_flaws
from adserver.creative.check_motion import motion_flaws
from adserver.creative.check_names import name_flaws
from adserver.creative.check_source import source_flaws
from adserver.creative.check_speed import speed_flaws
from adserver.creative.check_style import style_flaws
from adserver.creative.check_weight import weight_flaws
from adserver.creative.creative import Creative
from adserver.creative.fault import CreativeError
from adserver.creative.flaw import Flaw, Gravity, error
from adserver.creative.library import load_creative
from adserver.creative.manifest import Manifest, read_manifest
from adserver.creative.rendered import Rendered, rendered

_MOST_PLACES = 3
_FILES = {"creative.toml", "banner.html", "product.html", "banner.css"}

_OF_FILES: tuple[Callable[[Path, Manifest], Iterable[Flaw]], ...] = (folder_flaws, name_flaws, source_flaws)
_OF_BANNERS: tuple[Callable[[Creative, list[Rendered]], Iterable[Flaw]], ...] = (
    markup_flaws,
    weight_flaws,
    contrast_flaws,
)


def check_creative(folder: Path, clock: Callable[[], float]) -> list[Flaw]:
    """All that is wrong with it, the worst first; never raises, whatever the folder holds. ``clock``: seconds."""
    flaws = list(_judged(folder, clock))
    gravities = list(Gravity)
    return _together(sorted(flaws, key=lambda flaw: (gravities.index(flaw.gravity), flaw.file)))


def _judged(folder: Path, clock: Callable[[], float]) -> Iterator[Flaw]:
    try:
        manifest = read_manifest(folder)
    except CreativeError as fault:
        yield _as_flaw(fault)
        return
    except Exception as unexpected:
        yield error("creative.toml", f"can not be read: {_said(unexpected)}", "TOML as docs/creatives.md has it")
        return
    found: list[Flaw] = []
    for judge in _OF_FILES:
        found += _guarded(judge, folder, manifest)
    css = _css(folder)
    found += _guarded(style_flaws, css)
    found += _guarded(motion_flaws, css, manifest.options)
    yield from found
    yield from _of_banners(folder, clock, {flaw.file for flaw in found if flaw.gravity is Gravity.ERROR})


def _of_banners(folder: Path, clock: Callable[[], float], known_bad: set[str]) -> Iterator[Flaw]:
    """Only of a creative that can be loaded; why another can not is told once."""
    try:
        creative = load_creative(folder)
        banners = rendered(creative)
    except CreativeError as fault:
        flaw = _as_flaw(fault)
        if flaw.file not in known_bad:
            yield flaw
        return
    except Exception as unexpected:
        yield error("banner.html", f"can not be rendered: {_said(unexpected)}", "templates that any content fits")
        return
    for judge in _OF_BANNERS:
        yield from _guarded(judge, creative, banners)
    yield from _guarded(speed_flaws, creative, clock)


def _guarded(judge: Callable[..., Iterable[Flaw]], *given: object) -> list[Flaw]:
    try:
        return list(judge(*given))
    except Exception as unexpected:
        return [error("", f"{judge.__name__} could not be done: {_said(unexpected)}", "files as docs/creatives.md has")]


def _css(folder: Path) -> str:
    try:
        return (folder / "banner.css").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # loading tells


def _as_flaw(fault: CreativeError) -> Flaw:
    if fault.key in _FILES:
        return error(fault.key, "can not be used", fault.expected)
    return error("creative.toml", f"{fault.key} can not be used", fault.expected)


def _said(unexpected: Exception) -> str:
    return f"{type(unexpected).__name__}: {str(unexpected)[:200]}"


def _together(flaws: Iterable[Flaw]) -> list[Flaw]:
    """The same thing in many places is told once, with some of them."""
    places: dict[Flaw, list[str]] = {}
    for flaw in flaws:
        where = places.setdefault(flaw._replace(where=""), [])
        if flaw.where and flaw.where not in where:
            where.append(flaw.where)
    return [flaw._replace(where=_listed(where)) for flaw, where in places.items()]


def _listed(where: list[str]) -> str:
    shown, more = ", ".join(where[:_MOST_PLACES]), len(where) - _MOST_PLACES
    return f"{shown} and {more} more" if more > 0 else shown
