"""The docs name what the code has, and their links lead somewhere."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest

from adserver.model.reason import EventReason, NoAdReason, Reason, TokenReason
from adserver.settings import PREFIX, Settings
from tests.words import ROOT, findings, listed_files

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def rows(name: str) -> list[list[str]]:
    """The cells of every table's rows of one page."""
    lines = (ROOT / "docs" / name).read_text("utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_every_setting_has_its_line_and_no_other_has_one() -> None:
    written = [
        cells[0].removesuffix("†").strip().strip("`")
        for cells in rows("settings.md")
        if cells[0].startswith(f"`{PREFIX}")
    ]
    assert sorted(written) == sorted(PREFIX + item.name.upper() for item in fields(Settings))


def test_the_defaults_of_settings_are_told() -> None:
    told = {cells[0].removesuffix("†").strip().strip("`"): cells[1].strip("`") for cells in rows("settings.md")}
    for item in fields(Settings):
        default = str(int(item.default)) if isinstance(item.default, bool) else str(item.default)
        assert told[PREFIX + item.name.upper()] == (default or "empty"), item.name


@pytest.mark.parametrize("reasons", [EventReason, NoAdReason, TokenReason])
def test_every_reason_has_its_line(reasons: type[Reason]) -> None:
    told = [(cells[0], cells[1].strip("`")) for cells in rows("reasons.md") if cells[0].isdigit()]
    assert len(told) == len(set(told))
    for reason in reasons:
        assert (str(int(reason)), reason.label) in told


def test_no_line_tells_a_reason_that_is_gone() -> None:
    known = {str(int(reason)) for reasons in (EventReason, NoAdReason, TokenReason) for reason in reasons}
    assert {cells[0] for cells in rows("reasons.md") if cells[0].isdigit()} == known


def test_every_dependency_has_its_line_and_no_other_has_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0] for requirement in wanted}
    assert {cells[0].strip("`") for cells in rows("dependencies.md") if cells[0].startswith("`")} == names


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


PAGES = [path for path in listed_files() if path.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    text = _CODE.sub("", _FENCE.sub("", page.read_text("utf-8")))
    for found in _LINK.finditer(text):
        link = found[1] or found[2]
        if _ABSOLUTE.match(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.resolve().is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: no such heading"


# Without the "~" each of these lines has a word that does not belong; with it the check of all files passes.
MISPLACED = [
    "see iss~ue 12",
    "iss~ue #12",
    "clo~ses #3",
    "in the previous ses~sion",
    "path = '/wo~rk/main'",
    'open("../sh~ared/data")',
    "--index-u~rl x",
]


@pytest.mark.parametrize("line", MISPLACED)
def test_words_that_do_not_belong_are_found(line: str) -> None:
    assert [number for number, _, _ in findings(f"fine\n{line.replace('~', '')}\n")] == [2]


@pytest.mark.parametrize(
    "line", ["#fff 12", "a shop's session of 183 products", "network/x", "--no-emit-index-url", "x#12"]
)
def test_words_that_do_belong_are_left_alone(line: str) -> None:
    assert not list(findings(line))
