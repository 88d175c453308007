"""A stand-in for the ad server and for the pages that embed its scripts: one port, all ``*.localhost`` names.

It serves the scripts as they are in the package, pages that a test has set, a pixel that gives a first-time
visitor a cookie, and any answer to ``/ads``; it records every request with the times of arrival and answer.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

STATIC = Path(__file__).parents[2] / "adserver" / "web" / "static"
SCRIPTS = {"/tag.js": "tag.js", "/slot.js": "slot.min.js"}
SCRIPT_BYTES_MAX = 3000  # gzipped, as a browser receives it
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@dataclass
class Request:
    """One request: monotonic seconds, ``answered`` is 0 while the answer is held back."""

    host: str
    path: str
    query: dict[str, list[str]]
    cookie: str
    url_length: int
    headers: dict[str, str]
    arrived: float
    answered: float = 0.0

    def one(self, key: str) -> str | None:
        values = self.query.get(key)
        return values[0] if values else None


@dataclass
class Answer:
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class StubServer:
    """``answers``: path to an answer or to a function of the request.

    ``hold``: the n-th pixel waits for its gate; ``pixel_delay_s``: every pixel takes that long.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, Answer | Callable[[Request], Answer]] = {}
        self.hold: dict[int, threading.Event] = {}
        self.pixel_delay_s = 0.0
        self._changed = threading.Condition()
        self._visitors = 0
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stub.handle(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                """A browser that has left the page has closed its connections."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        for gate in self.hold.values():
            gate.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, host: str, path: str = "") -> str:
        return f"http://{host}.localhost:{self.port}{path}"

    def page(self, path: str, body: str, head: str = "", **headers: str) -> None:
        html = f"<!doctype html><html><head><title>page</title>{head}</head><body>{body}</body></html>"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = Answer(html.encode(), headers=named)

    def to(self, path: str) -> list[Request]:
        with self._changed:
            return [request for request in self.requests if request.path == path]

    def wait(self, path: str, count: int, timeout_s: float = 10.0, *, answered: bool = False) -> list[Request]:
        """The first ``count`` requests for the path, as soon as they have arrived (or been answered)."""

        def there() -> list[Request]:
            found = [request for request in self.requests if request.path == path]
            return [request for request in found if request.answered or not answered]

        with self._changed:
            assert self._changed.wait_for(lambda: len(there()) >= count, timeout_s), there()
            return there()[:count]

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        request = Request(
            host=handler.headers.get("Host", ""),
            path=parts.path,
            query=parse_qs(parts.query, keep_blank_values=True),
            cookie=handler.headers.get("Cookie", ""),
            url_length=len(handler.path),
            headers={name.lower(): value for name, value in handler.headers.items()},
            arrived=time.monotonic(),
        )
        with self._changed:
            self.requests.append(request)
            number = sum(1 for other in self.requests if other.path == parts.path)
            self._changed.notify_all()
        answer = self._answer(request, number)
        with self._changed:
            request.answered = time.monotonic()
            self._changed.notify_all()
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.content_type)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.body)

    def _answer(self, request: Request, number: int) -> Answer:
        if request.path in SCRIPTS:
            return Answer((STATIC / SCRIPTS[request.path]).read_bytes(), "text/javascript")
        if request.path == "/pixel.gif":
            gate = self.hold.get(number)
            if gate is not None:
                gate.wait(10)
            time.sleep(self.pixel_delay_s)
            return Answer(GIF, "image/gif", headers=self._mint(request))
        if request.path == "/favicon.ico":
            return Answer(b"", status=204)
        found = self.answers.get(request.path)
        if callable(found):
            return found(request)
        return found or Answer(b"", status=404)

    def _mint(self, request: Request) -> dict[str, str]:
        if "visitor=" in request.cookie:
            return {}
        with self._changed:
            self._visitors += 1
            return {"Set-Cookie": f"visitor={self._visitors}; Path=/; Secure; HttpOnly; SameSite=None"}


@contextmanager
def running_stub() -> Iterator[StubServer]:
    stub = StubServer()
    try:
        yield stub
    finally:
        stub.close()


class Tab:
    """A page in a context of its own, with what it complained about."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.console: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))

    def open(self, url: str) -> Page:
        self.page.goto(url)
        return self.page

    def quiet_for(self, milliseconds: int) -> None:
        """Let the page run on: for tests that something does not happen, and to collect its errors."""
        self.page.evaluate("ms => new Promise(done => setTimeout(done, ms))", milliseconds)


@contextmanager
def new_tab(browser: Browser) -> Iterator[Tab]:
    context = browser.new_context()
    try:
        yield Tab(context)
    finally:
        context.close()
