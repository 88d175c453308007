"""A shop's web server for the tests: pictures by path, every request counted, and all that goes wrong with shops."""

import io
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image, ImageDraw

PRIVATE = "http://169.254.169.254/latest/meta-data/"


def shoe(width: int = 600, height: int = 400, ground: str = "white") -> Image.Image:
    """A blue shoe with a lot of ground around it."""
    image = Image.new("RGB", (600, 400), ground)
    draw = ImageDraw.Draw(image)
    draw.polygon([(180, 250), (250, 150), (300, 155), (330, 190), (440, 250), (450, 290), (180, 290)], fill="#2f6fb3")
    draw.rectangle([172, 285, 458, 305], fill="#803020")
    return image.resize((width, height))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The image as a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


class Shop(ThreadingHTTPServer):
    """``pages``: path -> body. Other paths: see ``_Handler``. ``asked`` counts requests by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pages: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.open = threading.Event()
        """Requests for ``/stall`` wait for it."""
        self.slow_s = 0.0

    def handle_error(self, request: object, client_address: object) -> None:
        """Who does not wait for the end of an answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        shop = self.server
        assert isinstance(shop, Shop)
        shop.asked[self.path] += 1
        time.sleep(shop.slow_s)
        if self.path.startswith("/stall"):
            shop.open.wait(20)
        elif self.path.startswith("/to-private"):
            self._head(302, 0, location=PRIVATE)
        elif self.path.startswith("/to-other-port"):
            self._head(302, 0, location="http://127.0.0.1:1/")
        elif self.path.startswith("/lies"):
            self._head(200, 10_000)
            self.wfile.write(b"x" * 100)
        elif self.path in shop.pages:
            self._head(200, len(shop.pages[self.path]))
            self.wfile.write(shop.pages[self.path])
        else:
            self._head(404, 0)

    def _head(self, status: int, length: int, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(length))
        if location:
            self.send_header("Location", location)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass


@contextmanager
def running_shop() -> Iterator[Shop]:
    """A shop with one good picture, ``/shoe.jpg``, and a few that are none."""
    with Shop() as shop:
        shop.pages = {
            "/shoe.jpg": encoded(shoe()),
            "/page.html": b"<!doctype html><title>Not found</title>" + b" " * 500,
            "/drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
            "/empty.jpg": b"",
            "/cut.jpg": encoded(shoe())[:2_000],
            "/large.jpg": b"\xff\xd8\xff" + bytes(9_000_000),
        }
        thread = threading.Thread(target=shop.serve_forever)
        thread.start()
        try:
            yield shop
        finally:
            shop.open.set()
            shop.shutdown()
            thread.join()
