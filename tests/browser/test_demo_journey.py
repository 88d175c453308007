"""``adserver demo`` as a visitor walks through it, in both cookie worlds: the real server behind the real pages."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.sites import new_visitor
from tests.server import DEADLINE_S, until

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "artifacts"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def port(data_dir: Path) -> Iterator[int]:
    """The port of a running demo. Its pages name it, so it must be known before: one that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number: int = taken.getsockname()[1]
    command = [sys.executable, "-m", "adserver", "demo", "--port", str(number), "--data-dir", str(data_dir)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ready() -> bool:
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        try:
            return httpx.get(f"http://127.0.0.1:{number}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    until(ready, what="the demo")
    yield number
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said.decode()
    assert f"http://localhost:{number}/" in said.decode()
    assert "Traceback" not in said.decode()


@pytest.mark.parametrize(("allowed", "site"), [(True, "localhost"), (False, "demo.localhost")])
def test_the_demo(port: int, data_dir: Path, tmp_path: Path, allowed: bool, site: str) -> None:
    with new_visitor(tmp_path, third_party_cookies=allowed) as visitor:
        page = visitor.open(f"http://localhost:{port}/")
        expect(page.locator(".cookies")).to_have_attribute("data-state", "allowed" if allowed else "blocked")
        page.get_by_role("link", name="Open the shop").click()
        assert page.url == f"http://shop.{site}:{port}/"
        for name in ("Storm Lantern", "Skylark Tent"):
            with page.expect_response(lambda r: "e=view_item" in r.url and r.status == 200) as answered:
                page.get_by_role("link", name=name).first.click()
            assert answered.value.headers.get("x-adserver-reason") is None
            page.go_back()
        page.goto(f"http://news.{site}:{port}/")
        expect(page.locator("[data-ad-placement] iframe")).to_have_count(3)
        for slot in page.locator("[data-ad-placement]").all():
            titles = slot.frame_locator("iframe").locator(".title")
            expect(titles).to_have_count(2)
            assert [title.partition(" ")[0] for title in titles.all_inner_texts()] == ["Skylark", "Storm"]
        page.screenshot(path=ARTIFACTS / f"demo-{'allowed' if allowed else 'blocked'}.png")
        with visitor.context.expect_page() as opened:
            page.frame_locator("[data-ad-size='300x250'] iframe").locator("a.tile").first.click()
        landed = opened.value
        landed.wait_for_url(f"http://shop.{site}:{port}/p/**")
        expect(landed.get_by_role("heading", level=1)).to_contain_text("Skylark Tent")
        assert visitor.errors == []

    def clicked() -> bool:
        command = [sys.executable, "-m", "adserver", "report", "--json", "--data-dir", str(data_dir)]
        done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "NO_COLOR": "1"})
        rows = json.loads(done.stdout)["rows"]
        line_item = "wander-viewers" if allowed else "wander-viewers-together"
        return any(row["clicks"] == 1 and row["line_item"] == line_item for row in rows)

    until(clicked, within=10, what="the click in the report")


def test_opting_out_reaches_the_shop_over_plain_http(port: int, tmp_path: Path) -> None:
    """On localhost the visitor's cookie crosses sites, so the choice has to as well."""
    with new_visitor(tmp_path, third_party_cookies=True) as visitor:
        product = f"http://shop.localhost:{port}/p/storm-lantern-no-4"
        with visitor.context.expect_event("response", lambda r: "e=view_item" in r.url) as answered:
            page = visitor.open(product)
        assert answered.value.headers.get("x-adserver-reason") is None
        page.goto(f"http://ads.localhost:{port}/privacy")
        page.get_by_role("button").click()
        page.get_by_role("heading", name="You are opted out").wait_for()
        with page.expect_response(lambda r: "e=view_item" in r.url) as refused:
            page.goto(product)
        assert refused.value.headers["x-adserver-reason"] == "consent"
