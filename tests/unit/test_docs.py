"""The docs name what the code has, and their links lead somewhere."""

import asyncio
import io
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
from rich.console import Console

from adserver.cli import app
from adserver.commands.accounts import apply
from adserver.creative.privacy_page import opted_out_page, privacy_page
from adserver.model.reason import EventReason, LineItemReason, NoAdReason, Reason, TokenReason
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


@pytest.mark.parametrize("reasons", [EventReason, NoAdReason, TokenReason, LineItemReason])
def test_every_reason_has_its_line(reasons: type[Reason]) -> None:
    told = [(cells[0], cells[1].strip("`")) for cells in rows("reasons.md") if cells[0].isdigit()]
    assert len(told) == len(set(told))
    for reason in reasons:
        assert (str(int(reason)), reason.label) in told


def test_no_line_tells_a_reason_that_is_gone() -> None:
    kinds = (EventReason, NoAdReason, TokenReason, LineItemReason)
    known = {str(int(reason)) for reasons in kinds for reason in reasons}
    assert {cells[0] for cells in rows("reasons.md") if cells[0].isdigit()} == known


def test_every_dependency_has_its_line_and_no_other_has_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0] for requirement in wanted}
    assert {cells[0].strip("`") for cells in rows("dependencies.md") if cells[0].startswith("`")} == names


ACCOUNTS = (ROOT / "docs" / "accounts.md").read_text("utf-8")
MORE = """
[campaigns.acme-summer]
advertiser = "acme"
holdout = 0
[line_items.acme-carts]
campaign = "acme-summer"
creative = "grid"
priority = 5
"""
APPLIED_IN = "/srv/ads"
"""The folder that the page's example is applied in."""


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_what_applying_prints_is_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ``adserver apply`` of the page, one after the other, as the text around it tells."""
    monkeypatch.chdir(tmp_path)
    example = re.findall(r"^```toml\n(.*?)^```", ACCOUNTS, re.MULTILINE | re.DOTALL)[0]
    shown = re.findall(r"^```console\n\$ adserver apply (.*?)\n(.*?)^```", ACCOUNTS, re.MULTILINE | re.DOTALL)
    files = [
        example,
        MORE,
        example,
        replaced(example, ('"300x250"', '"728x90"')),
        replaced(example, ('"EUR"', '"euro"'), ("advertiser =", "advertisr ="), ('"300x250"', '"big"')),
        replaced(example, ('campaign = "acme-summer"', 'campaign = "acme-sumer"')),
    ]
    for (command, output), content in zip(shown, files, strict=True):
        *options, name = command.split()
        Path(name).write_text(content, "utf-8")
        printed = io.StringIO()
        console = Console(file=printed, soft_wrap=True)
        work = apply(
            Settings(data_dir=tmp_path / "data"),
            Path(name),
            dry_run="--dry-run" in options,
            prune="--prune" in options,
            console=console,
        )
        code = asyncio.run(work)
        assert printed.getvalue().replace(str(tmp_path), APPLIED_IN) == output
        assert code == (1 if name == "wrong.toml" else 0)


def test_applying_shows_no_password(tmp_path: Path) -> None:
    file, printed = tmp_path / "accounts.toml", io.StringIO()
    file.write_text(
        """[advertisers.acme]
        name = "Acme"
        domains = ["shop.test"]
        currency = "EUR"
        locale = "de_DE"
        feed.source = "https://me:secret@shop.test/feed.xml"
        """,
        "utf-8",
    )
    settings, console = Settings(data_dir=tmp_path / "data"), Console(file=printed, soft_wrap=True)
    assert asyncio.run(apply(settings, file, dry_run=False, prune=False, console=console)) == 0
    assert 'source: "https://me:***@shop.test/feed.xml"' in printed.getvalue()
    assert "secret" not in printed.getvalue()


def options_of(command: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(command, name of the setting that an option stands for, if any), of a command and those below it."""
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name not in {"help", "version"}:
            yield path, parameter.name
    for name, below in getattr(command, "commands", {}).items():
        yield from options_of(below, f"{path} {name}".strip())


def test_the_help_tells_which_options_are_variables_too() -> None:
    command = typer.main.get_command(app)
    settings = {item.name for item in fields(Settings)}
    found = list(options_of(command))
    assert [name for path, name in found if path == "serve" and name not in settings] == ["no_worker"]
    elsewhere = {name for path, name in found if path not in {"serve", "demo"} and name in settings}
    assert elsewhere == {"data_dir", "valkey_url", "database_url"}
    told = command.help or ""
    assert "Every option" not in told
    assert "(but --no-worker)" in told
    assert all(f"--{name.replace('_', '-')}" in told for name in elsewhere)


@pytest.mark.parametrize("page", ["settings.md", "consent.md"])
def test_the_pages_tell_that_a_cookie_of_a_replaced_secret_is_signed_anew(page: str) -> None:
    text = " ".join((ROOT / "docs" / page).read_text("utf-8").split())
    assert re.search(r"(is signed anew|signs the cookie anew)", text)
    assert "not signed anew" not in text
    assert not re.search(r"[Ll]ater visits do not renew it( \||\.$)", text)


@pytest.mark.parametrize("page", [privacy_page, opted_out_page], ids=["privacy", "opted-out"])
def test_what_visitors_read_is_true_with_every_setting(page: Callable[[str], bytes]) -> None:
    body = " ".join(re.sub(r"<[^>]*>", "", page("en").decode().partition("<body>")[2]).replace("&#39;", "'").split())
    assert not re.search(r"\d", body)
    assert "A browser that blocks third-party cookies keeps it on this server's own pages only." in body
    assert "each shop has its own random number for you, which no other site sees" in body


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
