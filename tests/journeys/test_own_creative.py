"""A folder of the operator's own creatives: applied, looked at, served; and a broken one stops the start."""

import subprocess
from pathlib import Path

import pytest

from tests.creative_folder import creative_folder
from tests.server import ACCOUNTS, cookie_of, feed_xml, running_server

pytestmark = pytest.mark.long


def test_an_own_creative_is_applied_previewed_and_served(tmp_path: Path) -> None:
    creative_folder(tmp_path)
    accounts = ACCOUNTS.replace('creative = "grid"', 'creative = "good"\noptions = { tone = "dark" }')
    with running_server(
        accounts=accounts, feed=feed_xml(["SKU1"]), ADSERVER_CREATIVES=str(tmp_path), ADSERVER_PREVIEW_OPEN="1"
    ) as server:
        preview = server.client.get("/preview/ad?creative=good&size=300x250&sample=typical")
        assert preview.status_code == 200
        assert 'class="s300x250 n1 light"' in preview.text
        pixel = server.client.get("/pixel.gif?a=acme&e=view_item&p=SKU1")
        ad = server.client.get("/ad?placement=daily-rectangle", headers={"Cookie": cookie_of(pixel)})
        assert 'class="s300x250 n1 dark"' in ad.text
        assert "creative" not in server.cli("doctor", code=0).lower()


def test_a_broken_one_stops_the_start_and_is_named(tmp_path: Path) -> None:
    creative_folder(tmp_path, "banner.html", "{{ ad.seen() }}", "")
    with running_server(start=False) as server:
        started = subprocess.run(
            server.command("serve", "--port", "0"),
            env={**server.env, "ADSERVER_CREATIVES": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert started.returncode == 1
    assert "banner.html: expected {{ ad.seen() }}" in started.stderr
    assert "Traceback" not in started.stderr
