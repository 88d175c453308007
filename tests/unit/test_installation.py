"""Commands that only read make nothing where nothing is."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from adserver.cli import app
from adserver.commands.installation import NoInstallation, expect_installation
from adserver.settings import Settings

READING = [("report",), ("report", "--json"), ("lift",), ("lift", "--json"), ("key", "list"), ("key", "revoke", "1")]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ADSERVER_DATA_DIR", "ADSERVER_DATABASE_URL", "ADSERVER_VALKEY_URL"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str, code: int, **env: str) -> tuple[str, str]:
    done = CliRunner().invoke(app, arguments, env={"NO_COLOR": "1", **env})
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_mistyped_folder_is_told_and_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    out, said = run(*command, "--data-dir", "typo", code=1)
    assert said.startswith("adserver: there is no installation in typo: ")
    assert str(tmp_path / "typo" / "adserver.db") in said
    assert out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_an_empty_folder_stays_empty(tmp_path: Path, command: tuple[str, ...]) -> None:
    _, said = run(*command, code=1, ADSERVER_DATA_DIR=str(tmp_path))
    assert f"there is no installation in {tmp_path}: " in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READING[:5], ids=" ".join)
def test_an_installation_is_read(tmp_path: Path, command: tuple[str, ...]) -> None:
    run("key", "create", "operator", "--data-dir", "ads", code=0)
    out, _ = run(*command, "--data-dir", "ads", code=0)
    assert out
    url = f"sqlite:///{tmp_path / 'ads' / 'adserver.db'}"
    assert run(*command, "--data-dir", "elsewhere", "--database-url", url, code=0)[0] == out
    assert run(*command, "--data-dir", "elsewhere", code=0, ADSERVER_DATABASE_URL=url)[0] == out


def test_a_database_that_is_named_and_not_there_is_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'typo.db'}?timeout=5"
    _, said = run("report", "--database-url", url, code=1)
    assert said == f"adserver: there is no database {tmp_path / 'typo.db'}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["postgresql://ads@db.example/ads", "mysql://x", "nonsense", "sqlite://"])
def test_other_addresses_are_left_to_who_opens_them(url: str) -> None:
    expect_installation(Settings(database_url=url))
    with pytest.raises(NoInstallation):
        expect_installation(Settings())
