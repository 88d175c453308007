"""A shop and a publisher over HTTPS under made-up names, and a Chromium that finds all of them on this machine."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import trustme
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.browser.browsers import running_profile

FLAGS = ("--ignore-certificate-errors", "--host-resolver-rules=MAP *.test 127.0.0.1")


@dataclass
class Certificate:
    """PEM files for ``*.test`` names."""

    certfile: Path
    keyfile: Path


def make_certificate(folder: Path) -> Certificate:
    """Signed by a throw-away authority."""
    leaf = trustme.CA().issue_cert("ads.test", "shop.test", "news.test", "127.0.0.1")
    found = Certificate(folder / "cert.pem", folder / "key.pem")
    leaf.private_key_pem.write_to_path(str(found.keyfile))
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(str(found.certfile), append=True)
    return found


@dataclass
class Sites:
    """Pages by (host, path), served on one port; anything may be added while it runs."""

    port: int
    pages: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)

    def page(self, host: str, path: str, body: str) -> str:
        """Serve an HTML page, and say where."""
        document = f"<!doctype html><html lang=en><meta charset=utf-8><title>{host}{path}</title>{body}"
        self.pages[host, path] = ("text/html; charset=utf-8", document.encode())
        return self.url(host, path)

    def picture(self, host: str, path: str, body: bytes) -> None:
        """Serve a PNG."""
        self.pages[host, path] = ("image/png", body)

    def url(self, host: str, path: str) -> str:
        """Where a page is."""
        return f"https://{host}:{self.port}{path}"


@contextmanager
def running_sites(certificate: Certificate) -> Iterator[Sites]:
    """An HTTPS server for shop.test and news.test."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers.get("host", "").partition(":")[0]
            path = urlsplit(self.path).path
            found = ("image/png", b"") if path == "/favicon.ico" else ("", b"")
            kind, body = sites.pages.get((host, path), found)
            self.send_response(200 if kind else 404)
            self.send_header("content-type", kind or "text/plain")
            self.send_header("content-length", str(len(body)))
            self.send_header("cache-control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certfile, certificate.keyfile)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    sites = Sites(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sites
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Visitor:
    """A browser with a profile of its own; ``errors`` are what its pages threw or printed as errors."""

    context: BrowserContext
    errors: list[str] = field(default_factory=list)

    def open(self, url: str) -> Page:
        """A new tab."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)
        page.goto(url, wait_until="load")
        return page

    def _console(self, message: ConsoleMessage) -> None:
        # Playwright looks into sandboxed frames with scripts of its own; Chromium tells that it blocked them.
        if message.type == "error" and not message.text.startswith("Blocked script execution in 'about:srcdoc'"):
            self.errors.append(message.text)


@contextmanager
def new_visitor(
    profile: Path, *, third_party_cookies: bool, headers: Mapping[str, str] | None = None
) -> Iterator[Visitor]:
    """Chromium with an empty profile that takes our certificates and finds ``*.test`` on this machine."""
    with running_profile(
        profile,
        third_party_cookies=third_party_cookies,
        flags=FLAGS,
        headers=headers,
        ignore_https_errors=True,
    ) as context:
        yield Visitor(context)
