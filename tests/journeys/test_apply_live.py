"""Accounts change under a running server: in all workers within two seconds, whole or not at all."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adserver.model.access import PREFIX_LENGTH
from tests.journeys.inside import FRESH, apply, cli, import_feed, quick_server, reason, totals, view
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, running_server, until

PROMISED_S = 2.0
PAUSED = ACCOUNTS.replace('size = "300x250"', 'size = "300x250"\nstatus = "paused"')
ACTIVE = PAUSED.replace('"paused"', '"active"')
BOLT = """
[advertisers.bolt]
name = "Bolt"
domains = ["bolt.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server("--workers", "2", feed=feed_xml(["A"])) as running:
        yield running


@pytest.fixture
def cookie(server: Server) -> Iterator[str]:
    """A visitor who has looked at A; the accounts are as before afterwards."""
    yield cookie_of(view(server, "A"))
    apply(server, ACTIVE)


def written(server: Server, text: str) -> str:
    file = server.data_dir.parent / "changed.toml"
    file.write_text(text, "utf-8")
    return str(file)


def everywhere(ask: Callable[[], str], answer: str, since: float) -> None:
    """Within two seconds of ``since`` every worker answers so: a row of fresh connections does."""
    in_a_row = 0
    while in_a_row < 12:
        in_a_row = in_a_row + 1 if ask() == answer else 0
        assert in_a_row or time.monotonic() - since < PROMISED_S, f"not {answer!r} everywhere"


def asker(server: Server, path: str, **headers: str) -> Callable[[], str]:
    """Asks on a new connection and tells the reason, or the status when there is none."""

    def ask() -> str:
        server.client.cookies.clear()
        answer = server.client.get(path, headers={**headers, **FRESH})
        return reason(answer) or str(answer.status_code)

    return ask


def test_a_paused_placement_and_back(server: Server, cookie: str) -> None:
    ask = asker(server, "/ad?placement=daily-rectangle", cookie=cookie)
    assert ask() == "200"
    said = cli(server, "apply", written(server, PAUSED))
    everywhere(ask, "placement_paused", time.monotonic())
    assert said.splitlines() == [
        "~ placements.daily-rectangle",
        '    status: "active" -> "paused"',
        "1 change made. Running workers have it within two seconds.",
    ]
    cli(server, "apply", written(server, ACTIVE))
    everywhere(ask, "200", time.monotonic())


def test_a_new_advertiser_and_a_changed_domain(server: Server, cookie: str) -> None:
    bolt = asker(server, "/pixel.gif?a=bolt&e=page_view", referer="https://www.bolt.test/")
    acme = asker(server, "/pixel.gif?a=acme&e=page_view", referer="https://neu.test/")
    assert (bolt(), acme()) == ("unknown_advertiser", "foreign_page")
    cli(server, "apply", written(server, ACCOUNTS.replace('["shop.test"]', '["shop.test", "neu.test"]') + BOLT))
    since = time.monotonic()
    everywhere(bolt, "200", since)
    everywhere(acme, "200", since)
    # What the file does not name stays, until --prune.
    assert "Everything is as the file says already." in cli(server, "apply", written(server, BOLT))
    cli(server, "apply", "--prune", written(server, ACCOUNTS))
    since = time.monotonic()
    everywhere(bolt, "unknown_advertiser", since)
    everywhere(acme, "foreign_page", since)


def test_a_revoked_key_opens_nothing(server: Server, cookie: str) -> None:
    secret = cli(server, "key", "create", "operator").splitlines()[-1]
    ask = asker(server, "/metrics", authorization=f"Bearer {secret}")
    everywhere(ask, "200", time.monotonic())
    cli(server, "key", "revoke", secret[:PREFIX_LENGTH])
    everywhere(ask, "401", time.monotonic())


def test_a_dry_run_shows_the_difference_and_changes_nothing(server: Server, cookie: str) -> None:
    before = server.client.get("/readyz").json()["revision"]
    said = cli(server, "apply", "--dry-run", "--prune", written(server, BOLT))
    assert "+ advertisers.bolt" in said
    assert "- placements.daily-rectangle" in said
    assert "changes would be made; nothing was changed." in said
    assert "Everything is as the file says already." in cli(server, "apply", written(server, ACCOUNTS))
    assert server.client.get("/readyz").json()["revision"] == before
    assert asker(server, "/ad?placement=daily-rectangle", cookie=cookie)() == "200"


WRONG = {
    'status = "on"': ("line 28: placements.daily-skyscraper.status", 'expected "active" or "paused", found "on"'),
    "statuz = 1": ("line 28: placements.daily-skyscraper.statuz", "expected"),
    '[placements.x]\nsize = "300x250"\npublisher = "weekly"': (
        "line 30: placements.x.publisher",
        "expected the id of one of the publishers in this file or applied before",
    ),
}


@pytest.mark.parametrize(("added", "said"), WRONG.items())
def test_a_wrong_file_changes_nothing(server: Server, cookie: str, added: str, said: tuple[str, str]) -> None:
    assert len(PAUSED.splitlines()) == 27
    file = written(server, PAUSED + added + "\n")
    shown = cli(server, "apply", file, code=1)
    where, expected = said
    assert f"{file}: {where}: {expected}" in shown
    assert shown.splitlines()[-1] == "Nothing was changed."
    assert asker(server, "/ad?placement=daily-rectangle", cookie=cookie)() == "200"


def test_a_file_that_is_not_there(server: Server) -> None:
    assert "expected a file that can be read" in cli(server, "apply", "/nowhere/accounts.toml", code=1)


def test_before_the_first_start_and_while_another_applies() -> None:
    with running_server(accounts="", start=False) as server:
        file = written(server, ACCOUNTS)
        assert "It takes effect when the server starts." in cli(server, "apply", file)
        assert not (server.data_dir / "valkey").exists()
        assert "Everything is as the file says already." in cli(server, "apply", file)
        import_feed(server, feed_xml(["A"]))
        server.start()
        cookie = cookie_of(view(server, "A"))
        ask = asker(server, "/ad?placement=daily-rectangle", cookie=cookie)
        assert ask() == "200"
        # Several at once queue up behind each other, and each takes effect whole.
        files = []
        for number in range(3):
            path = Path(file).with_name(f"at-once-{number}.toml")
            path.write_text(f"{ACCOUNTS}[placements.new-{number}]\npublisher = 'daily'\nsize = '300x250'\n", "utf-8")
            files.append(str(path))
        running = [
            subprocess.Popen(
                server.command("apply", path), env=server.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            for path in files
        ]
        for process in running:
            assert process.communicate()[1] == b""
            assert process.returncode == 0
        for number in range(3):
            new = asker(server, f"/ad?placement=new-{number}", cookie=cookie)
            until(lambda new=new: new() == "200", within=PROMISED_S, what=f"placement new-{number}")  # type: ignore[misc]
        until(lambda: totals(server)["requests"] >= 4, what="the report")
