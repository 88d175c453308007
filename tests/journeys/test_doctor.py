"""``adserver doctor``: each thing that can be wrong is made wrong once, and told in words."""

import dataclasses
import re
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from adserver.cli import app
from tests.journeys.inside import apply, cli, quick_server, view
from tests.server import ACCOUNTS, Server, feed_xml, running_server, until

ACTIVE = re.sub(r'(size = ".*")', r'\1\nstatus = "active"', ACCOUNTS)
WITHOUT_CONSENT = ACCOUNTS.replace('consent_default = "allow"\n', "")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server(feed=feed_xml(["A"]), ADSERVER_PUBLIC_URL="https://ads.example") as running:
        yield running


def examine(server: Server, code: int = 0, **env: str) -> str:
    """What the doctor says, with more in the environment."""
    return cli(dataclasses.replace(server, env={**server.env, **env}), "doctor", code=code)


def test_a_healthy_server(server: Server) -> None:
    view(server, "A")
    said = examine(server)
    for words in (
        "✓ The secret that signs cookies and clicks is in order.",
        "✓ Browsers reach the server by HTTPS",
        "✓ The database answers and is up to date.",
        "✓ Valkey answers (version ",
        "✓ The last event of acme came ",
    ):
        assert words in said
    assert "✗" not in said
    assert said.splitlines()[-1] == "Nothing stands in the way."


def test_a_weak_secret_and_one_that_others_can_read(server: Server) -> None:
    said = examine(server, 1, ADSERVER_SECRET="tooshort")
    assert "✗ The secret that signs cookies and clicks can not be used. ADSERVER_SECRET: expected at least 32" in said
    assert "tooshort" not in said
    assert said.splitlines()[-1] == "1 thing to mend."
    path = server.data_dir / "secret"
    path.chmod(0o644)
    try:
        said = examine(server, 1)
    finally:
        path.chmod(0o600)
    assert f"{path} can be read by others; run: chmod 600 {path}" in said
    assert path.read_text().strip() not in said


def test_the_address_that_browsers_see(server: Server) -> None:
    said = examine(server, 1, ADSERVER_PUBLIC_URL="http://ads.example")
    assert "✗ The public address is plain http: browsers throw the visitor's cookie away." in said
    assert "Set ADSERVER_PUBLIC_URL to an https:// address" in said
    for local in ("http://ads.localhost:8000", ""):
        said = examine(server, ADSERVER_PUBLIC_URL=local)
        assert "! No public https address is set: cookies work on this machine (localhost) only." in said


def test_feeds(server: Server) -> None:
    feed = '[advertisers.acme.feed]\nsource = "{}"\n'
    assert "! The account of acme names no feed." in examine(server)
    apply(server, ACCOUNTS + feed.format("nowhere.xml"))
    said = until(lambda: "✗" in (s := cli_any(server)) and s, what="the failed import")
    assert "✗ The last import of the feed of acme failed: the feed's file can not be read: No such file" in said
    assert "Mend the feed, then: adserver feed import acme" in said
    good = server.data_dir.parent / "good.xml"
    good.write_text(feed_xml(["A", "B"]), "utf-8")
    apply(server, ACCOUNTS + feed.format(good))
    said = until(lambda: "✓ acme has" in (s := cli_any(server)) and s, what="the import")
    assert f"✓ acme has 2 products from {good}." in said
    good.write_text("<rss>", "utf-8")
    cli(server, "feed", "import", "acme", code=1)
    said = examine(server, 1)
    assert "The products from before stay in use." in said
    apply(server, ACCOUNTS)
    good.write_text(feed_xml(["A"]), "utf-8")
    cli(server, "feed", "import", "acme", code=1)
    said = examine(server, 1)
    assert "✗ The feed of acme is held back: it has 1 product, 50% fewer than the 2 in use" in said
    assert "If it is as it should be: adserver feed import acme --accept" in said
    cli(server, "feed", "import", "acme", "--accept")


def cli_any(server: Server) -> str:
    """What the doctor says, whatever its exit code."""
    done = CliRunner().invoke(app, ["doctor", "--data-dir", str(server.data_dir)], env=server.env)
    return done.stdout


def test_nothing_that_could_run(server: Server) -> None:
    apply(server, ACCOUNTS.replace('holdout = 0\nstatus = "active"', 'holdout = 0\nstatus = "paused"'))
    assert "! acme has no active line item, so none of its products is ever shown." in examine(server)
    apply(server, ACTIVE.replace('"active"', '"paused"'))
    assert "! There is no active placement, so nothing can be shown." in examine(server)
    odd = ACTIVE.replace('"300x250"', '"980x120"').replace('"728x90"', '"970x90"').replace('"160x600"', '"120x240"')
    apply(server, odd)
    said = examine(server, 1)
    assert "✗ No placement has a size that the creatives of acme can be drawn in." in said
    assert "Sizes there are: 160x600, 300x250, 300x600, 320x100, 320x50, 336x280, 728x90, 970x250, fluid." in said
    apply(server, ACTIVE)
    assert "✗" not in examine(server)


def test_silence_means_no(server: Server) -> None:
    apply(server, ACCOUNTS.replace('consent_default = "allow"', 'consent_default = "deny"'))
    said = examine(server)
    assert "! Without a consent signal nothing is kept about visitors of acme." in said
    assert "adserver('consent', true)" in said
    assert "ADSERVER_CONSENT_DEFAULT=allow" in said
    apply(server, ACCOUNTS)
    assert "Without a consent signal" not in examine(server)


def test_stores_that_are_not_there(server: Server) -> None:
    said = examine(server, 1, ADSERVER_DATABASE_URL="postgresql://shop:hunter2@127.0.0.1:1/ads")
    assert "✗ The database can not be used: postgresql" in said
    assert "hunter2" not in said
    said = examine(server, 1, ADSERVER_DATABASE_URL="mysql://shop:hunter2@127.0.0.1/ads")
    assert "✗ The database can not be used: expected a sqlite:// or postgresql:// address" in said
    said = examine(server, 1, ADSERVER_VALKEY_URL="redis://:hunter2@127.0.0.1:1/0")
    assert "✗ Valkey did not answer" in said
    assert "ADSERVER_VALKEY_URL" in said
    assert "hunter2" not in said


def test_a_valkey_that_forgets(server: Server) -> None:
    with server.valkey() as valkey:
        before = valkey.config_get("appendonly")["appendonly"]
        valkey.config_set("maxmemory", "1gb")
        valkey.config_set("maxmemory-policy", "allkeys-lru")
        try:
            said = examine(server, 1)
        finally:
            valkey.config_set("maxmemory-policy", "noeviction")
            valkey.config_set("maxmemory", "0")
        assert before == "yes"
    assert "✗ Valkey drops data by itself when its memory is full (allkeys-lru)." in said


def test_before_the_first_start() -> None:
    with running_server(accounts="", start=False) as server:
        said = examine(server, 1)
        assert "✗ The server is not running." in said
        assert "Start it: adserver serve" in said
        assert "✗ The database is not up to date." in said
        assert not (server.data_dir / "valkey").exists()
        cli(server, "report")  # brings the database up to date
        said = examine(server, 1)
        assert "! There are no accounts yet." in said
        assert "adserver apply FILE.toml" in said
        assert "1 thing to mend." in said
        cli(server, "apply", str(written(server, WITHOUT_CONSENT)))
        said = examine(server, 1)
        assert "Without a consent signal" in said
        missing = dataclasses.replace(server, data_dir=server.data_dir / "not" / "there")
        said = examine(missing, 1)
        assert f"! The data folder {missing.data_dir} is not there yet." in said
        assert "✗ The server is not running." in said


def written(server: Server, text: str) -> str:
    file = server.data_dir.parent / "accounts.toml"
    file.write_text(text, "utf-8")
    return str(file)
