"""The command line: help for people, mistakes told in one line, secrets shown once."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adserver.cli import app
from adserver.settings import Settings
from tests.journeys.inside import cli, on_disk, quick_server
from tests.server import Server

COMMANDS = [
    "",
    "serve",
    "demo",
    "worker",
    "apply",
    "feed",
    "feed import",
    "report",
    "budget",
    "lift",
    "explain",
    "simulate",
    "list",
    "list upload",
    "segment",
    "segment size",
    "doctor",
    "key",
    "key create",
    "key list",
    "key revoke",
]
ENV = {"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server() as running:
        yield running


def run(*arguments: str, code: int = 0, **env: str) -> tuple[str, str]:
    """What a command prints on standard output and standard error."""
    done = CliRunner().invoke(app, arguments, env={**ENV, **env})
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_written_for_people(command: str) -> None:
    shown, _ = run(*command.split(), "--help")
    assert f"Usage: adserver {command}".strip() in shown.replace("root", "adserver")
    described = re.search(r"Usage:.*?\n\s*\n\s*(\S.*)", shown)
    assert described
    assert len(described[1].split()) >= 4
    # Every option says what it is for.
    for option in re.findall(r"^│[ *]+(--[a-z-]+) (.*)│$", shown, re.MULTILINE):
        text = re.sub(r"^\s*(INTEGER|TEXT|PATH|\[[^]]*\]|-\w)*\s*", "", option[1])
        assert len(text.split()) >= 2, option


def test_help_names_commands_and_the_environment() -> None:
    shown, _ = run("--help")
    for command in ("serve", "demo", "worker", "apply", "report", "doctor", "feed", "key"):
        assert re.search(rf"^│ {command} +\w", shown, re.MULTILINE)
    assert "ADSERVER_PORT" in shown
    served, _ = run("serve", "--help")
    for option in ("--host", "--port", "--workers", "--data-dir", "--valkey-url", "--database-url", "--public-url"):
        assert option in served
        assert option.strip("-").replace("-", "_") in {item.name for item in fields(Settings)}


def test_no_command_shows_the_help() -> None:
    shown = CliRunner().invoke(app, [], env=ENV)
    assert "Usage: " in shown.output


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("feed", "nonsense"), ("key", "nonsense"), ("serve", "--nonsense"), ("apply",)]
)
def test_what_does_not_exist_is_a_wrong_use(arguments: tuple[str, ...]) -> None:
    _, said = run(*arguments, code=2)
    assert "Usage: " in said
    assert "nonsense" in said or "FILE" in said


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (("serve", "--port", "70000"), {}, "ADSERVER_PORT: expected 0 to 65535, found '70000'"),
        (("serve",), {"ADSERVER_PORT": "http"}, "ADSERVER_PORT: expected 0 to 65535, found 'http'"),
        (("serve", "--workers", "0"), {}, "ADSERVER_WORKERS: expected 1 to 256, found '0'"),
        (("serve", "--public-url", "ads.example"), {}, "ADSERVER_PUBLIC_URL: expected https://host without a path"),
        (("report", "--valkey-url", "http://x:hunter2@h"), {}, "ADSERVER_VALKEY_URL: expected redis://"),
        (("report", "--database-url", "mysql://x:hunter2@h/n"), {}, "expected a sqlite:// or postgresql:// address"),
        (("report", "--database-url", "nonsense"), {}, "the database address is not a URL"),
        (("doctor",), {"ADSERVER_CONSENT_DEFAULT": "maybe"}, "ADSERVER_CONSENT_DEFAULT: expected deny or allow"),
        (("serve",), {"ADSERVER_SECRET": "hunter2"}, "ADSERVER_SECRET: expected at least 32 random characters"),
        (("worker",), {}, "no Valkey runs for this data folder; start the server, or give --valkey-url"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    env = {"ADSERVER_DATA_DIR": str(tmp_path), **env}
    out, err = run(*arguments, code=1, **env)
    assert out == ""
    (line,) = [line for line in err.splitlines() if not line.startswith("{")]
    assert line.startswith("adserver: ")
    assert said in line
    assert "hunter2" not in err


def test_a_number_that_is_none_names_its_option() -> None:
    _, said = run("serve", "--port", "many", code=2)
    assert "--port" in said
    assert "valid integer" in said


def test_the_version() -> None:
    assert re.fullmatch(r"adserver \d+\.\d+\.\d+\S*\n", run("--version")[0])


def test_a_secret_is_shown_once_and_kept_nowhere(server: Server) -> None:
    secrets = []
    for scope in ("operator", "advertiser:acme", "publisher:daily"):
        shown = cli(server, "key", "create", scope, "--label", f"for [bold]{scope}")
        assert f" for {scope}. This is the only time that its secret is shown:" in shown
        secrets.append(shown.splitlines()[-1])
    assert all(re.fullmatch(r"ak_[\w-]{43}", secret) for secret in secrets)
    on_disk(server)
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    assert {"adserver.db", "adserver.db-wal"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content or secret[12:].encode() in content], path
    assert not any(secret in server.log() for secret in secrets)

    listed = cli(server, "key", "list")
    assert not any(secret in listed for secret in secrets)
    assert all(secret[:8] in listed for secret in secrets)
    assert "for [bold]advertiser:acme" in listed
    assert "is revoked." in cli(server, "key", "revoke", "1")
    assert "there is no live key 1" in cli(server, "key", "revoke", "1", code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "nobody"), 'a scope is "operator", "advertiser:ID" or "publisher:ID"'),
        (("create", "advertiser:nobody"), 'there is no advertiser "nobody"'),
        (("create", "publisher:acme"), 'there is no publisher "acme"'),
        (("create", "operator", "--label", " "), "a label is 1 to 200 printable characters"),
        (("revoke", "x"), "a key is named by its number or by the first"),
        (("revoke", "4711"), "there is no live key 4711"),
    ],
)
def test_a_key_that_can_not_be(server: Server, arguments: tuple[str, ...], said: str) -> None:
    shown = cli(server, "key", *arguments, code=1)
    assert shown.startswith("Nothing was changed: ")
    assert said in shown


def test_a_folder_that_can_not_be_made(server: Server, tmp_path: Path) -> None:
    """A folder that can not be made, and the module started as a program."""
    (tmp_path / "file").write_text("")
    command = [*server.command("serve")[:-1], str(tmp_path / "file" / "data")]
    done = subprocess.run(command, env=server.env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("adserver: ")
    assert "Not a directory" in line
