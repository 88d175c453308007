"""``adserver creative list``, ``new`` and ``check``."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adserver.cli import app
from adserver.creative.check_names import BANNER, PICTURE, PRODUCT, TILE
from adserver.creative.library import load_creatives
from adserver.creative.options import OptionType
from adserver.creative.words import shared_words
from adserver.settings import SettingError, load_settings
from tests.creative_folder import creative_folder

RUN = CliRunner()
PARTS = Path(__file__).parents[2] / "adserver" / "creative" / "parts"
GUIDE = (Path(__file__).parents[2] / "docs" / "creatives.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def _no_creatives_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADSERVER_CREATIVES", raising=False)


def test_what_new_makes_is_complete_and_can_be_used_at_once(tmp_path: Path) -> None:
    made = RUN.invoke(app, ["creative", "new", "spring", "--dir", str(tmp_path)])
    assert made.exit_code == 0, made.output
    assert "/preview?creative=spring" in made.output
    checked = RUN.invoke(app, ["creative", "check", str(tmp_path / "spring"), "--json"])
    told = json.loads(checked.stdout)["creatives"][0]["findings"]
    slow = [one for one in told if "ms to render" in one["what"]]
    assert (checked.exit_code, told) == (0, slow)
    assert load_creatives(tmp_path).keys() == {"spring"}


@pytest.mark.parametrize("name", ["a b", "../up", "", "x" * 65])
def test_new_refuses_names_that_can_not_be_one(tmp_path: Path, name: str) -> None:
    made = RUN.invoke(app, ["creative", "new", name, "--dir", str(tmp_path)])
    assert made.exit_code == 1
    assert "1 to 64 characters" in made.output
    assert list(tmp_path.iterdir()) == []


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "spring").mkdir()
    made = RUN.invoke(app, ["creative", "new", "spring", "--dir", str(tmp_path)])
    assert made.exit_code == 1
    assert "nothing is overwritten" in made.output
    assert list((tmp_path / "spring").iterdir()) == []


def test_check_tells_file_place_and_what_is_expected_and_fails(tmp_path: Path) -> None:
    creative_folder(tmp_path, "product.html", ' rel="noopener"', "")
    checked = RUN.invoke(app, ["creative", "check", str(tmp_path)])
    assert checked.exit_code == 1
    assert "error  product.html, 300x250 of 1: a link without rel" in checked.output
    assert "expected one: or the shop can move the page away" in checked.output
    assert "1 creative: 1 error, " in checked.output
    document = json.loads(RUN.invoke(app, ["creative", "check", str(tmp_path / "good"), "--json"]).stdout)
    assert document["errors"] == 1
    assert document["creatives"][0]["findings"][0]["file"] == "product.html"


def test_check_of_nothing_is_an_error(tmp_path: Path) -> None:
    assert RUN.invoke(app, ["creative", "check", str(tmp_path)]).exit_code == 1
    assert RUN.invoke(app, ["creative", "check", str(tmp_path / "none")]).exit_code == 1


def test_own_creatives_stand_beside_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    creative_folder(tmp_path)
    monkeypatch.setenv("ADSERVER_CREATIVES", str(tmp_path))
    document = json.loads(RUN.invoke(app, ["creative", "list", "--json"]).stdout)
    listed = {one["name"]: one for one in document["creatives"]}
    assert {"good", "grid", "house"} <= listed.keys()
    assert listed["good"]["products"] == {"min": 1, "max": {"300x250": 1}}
    assert listed["good"]["options"][0]["expected"] == "one of light, dark"
    assert "One product." in RUN.invoke(app, ["creative", "list"]).output


def test_an_own_creative_that_is_broken_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    creative_folder(tmp_path, "creative.toml", 'name = "good"', 'name = "grid"')
    monkeypatch.setenv("ADSERVER_CREATIVES", str(tmp_path))
    listed = RUN.invoke(app, ["creative", "list"])
    assert listed.exit_code == 1
    assert "'grid' is taken" in listed.output
    assert "Traceback" not in listed.output


def test_the_setting_names_a_folder_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="ADSERVER_CREATIVES: expected a folder that is there"):
        load_settings({"ADSERVER_CREATIVES": str(tmp_path / "none")})
    assert load_settings({"ADSERVER_CREATIVES": str(tmp_path)}).own_creatives == tmp_path
    assert load_settings({}).own_creatives is None


def test_the_guide_has_every_name_that_a_designer_can_use() -> None:
    macros = re.findall(r"{% macro (\w+)\(", (PARTS / "macros.html").read_text("utf-8"))
    told = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", GUIDE))))
    assert {*BANNER, *PRODUCT, *TILE, *PICTURE, *macros, *shared_words()["en"], *OptionType} <= told
    assert set(re.findall(r"^  (--[a-z-]+):", (PARTS / "base.css").read_text("utf-8"), re.MULTILINE)) <= told


def test_the_example_of_the_guide_is_a_creative_that_passes(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(?:toml|html)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    manifest = next(block for block in blocks if block.startswith("name = "))
    banner, product = (block for block in blocks if block.startswith("{% import"))
    for file, text in {
        "creative.toml": manifest,
        "banner.html": banner,
        "product.html": product,
        "banner.css": "",
    }.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    checked = RUN.invoke(app, ["creative", "check", str(tmp_path), "--json"])
    assert json.loads(checked.stdout)["errors"] == 0, checked.stdout
