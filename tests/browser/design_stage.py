"""Where banners stand when they are looked at: a server of pictures and fonts, and a Chromium with our fonts only."""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from adserver.creative.font_files import font_files
from adserver.creative.sample_pictures import SAMPLE_PICTURES
from adserver.creative.samples import PICTURE_PATH
from tests.browser.browsers import FLAGS
from tests.needs import chromium

FONTS = Path(__file__).parents[2] / "adserver" / "creative" / "fonts"
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)

# What a family falls back on, script by script; nothing of the machine's own.
_FONTCONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>{fonts}</dir>
<cachedir>{cache}</cachedir>
<selectfont><rejectfont><glob>*.woff2</glob></rejectfont></selectfont>
<match target="pattern"><edit name="family" mode="append_last"><string>Inter</string></edit></match>
<match target="font">
<edit name="antialias" mode="assign"><bool>true</bool></edit>
<edit name="hinting" mode="assign"><bool>false</bool></edit>
<edit name="hintstyle" mode="assign"><const>hintnone</const></edit>
<edit name="rgba" mode="assign"><const>none</const></edit>
</match>
</fontconfig>
"""


class Stage(ThreadingHTTPServer):
    """``/`` is an empty page; pictures and fonts stand where a banner asks for them. ``asked`` has every path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []

    @property
    def paths(self) -> list[str]:
        """Everything that banners load from here."""
        pictures = [f"{PICTURE_PATH}{name}.svg" for name in SAMPLE_PICTURES]
        return [*pictures, *(f"/media/{name}" for name in font_files()), "/i/token"]

    def answer(self, path: str) -> tuple[str, bytes]:
        """Content type and body; no type for what is not there."""
        if path == "/":
            return "text/html; charset=utf-8", b"<!doctype html><title>stage</title>"
        if path.startswith(PICTURE_PATH):
            return "image/svg+xml", SAMPLE_PICTURES.get(path.removeprefix(PICTURE_PATH).removesuffix(".svg"), b"")
        if path.startswith(("/i/", "/v/")):
            return "image/gif", PIXEL
        if path.startswith("/media/"):
            return "font/woff2", font_files().get(path.removeprefix("/media/"), b"")
        return "", b""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        stage = self.server
        assert isinstance(stage, Stage)
        stage.asked.append(self.path)
        kind, body = stage.answer(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=3600, immutable")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass


@contextmanager
def running_stage() -> Iterator[Stage]:
    """A stage on a free loopback port."""
    with Stage() as stage:
        thread = threading.Thread(target=stage.serve_forever)
        thread.start()
        try:
            yield stage
        finally:
            stage.shutdown()
            thread.join()


@contextmanager
def chromium_with_our_fonts() -> Iterator[Browser]:
    """A Chromium that finds the fonts of this package and no others, shows scrollbars, and resolves no name."""
    with tempfile.TemporaryDirectory(prefix="fonts-") as folder, sync_playwright() as playwright:
        config = Path(folder, "fonts.conf")
        config.write_text(_FONTCONFIG.format(fonts=FONTS, cache=folder), encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=[*FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--font-render-hinting=none"],
            env={**os.environ, "FONTCONFIG_FILE": str(config)},
            ignore_default_args=["--hide-scrollbars"],
        )
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, stage: Stage, *, width: int = 200, height: int = 200, **options: Any) -> Page:
    """The stage's empty page, with all that banners load in the cache: sixty frames that ask for the same picture at
    once would wait for one another. It is small by itself, as what is not in the window costs nothing to paint."""
    page = browser.new_page(viewport={"width": width, "height": height}, **options)
    page.goto(stage.url)
    page.evaluate("paths => Promise.all(paths.map(async path => (await fetch(path)).arrayBuffer()))", stage.paths)
    return page
