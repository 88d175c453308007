"""One running server for all tests of the HTTP surface, and a wire that sends bytes exactly as they are written."""

import json
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

import pytest
from redis import Redis

from adserver.tracking.keyring import Keyring
from adserver.tracking.token import Token, TokenKind, Tokens
from adserver.tracking.visitor import VisitorCookies
from tests.server import ACCOUNTS as BASE_ACCOUNTS
from tests.server import DEADLINE_S, Server, feed_xml, running_server, until

DATA = Path(__file__).parents[2].parent / "shared" / "data"
STRINGS = DATA / "security" / "strings"

SECRET = "k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

ACCOUNTS = (
    BASE_ACCOUNTS
    + """
[advertisers.boots]
name = "Boots & Co"
domains = ["boots.test"]
currency = "EUR"
locale = "en_GB"
consent_default = "allow"
[campaigns.boots-winter]
advertiser = "boots"
holdout = 0
[line_items.boots-viewers]
campaign = "boots-winter"
creative = "grid"
[advertisers.strict]
name = "Strict"
domains = ["strict.test"]
currency = "EUR"
locale = "en_GB"
[campaigns.strict-all]
advertiser = "strict"
holdout = 0
[line_items.strict-viewers]
campaign = "strict-all"
creative = "grid"
[placements.daily-paused]
publisher = "daily"
size = "300x250"
status = "paused"
[placements.daily-huge]
publisher = "daily"
size = "980x120"
[publishers.weekly]
name = "The Weekly"
domains = ["weekly.test"]
[placements.weekly-rectangle]
publisher = "weekly"
size = "300x250"
"""
)

ACME = BASE_ACCOUNTS[: BASE_ACCOUNTS.index("[campaigns")]
"""The part of the file that is about the first shop: what is not named stays as it is."""

PRODUCTS = [f"SKU{number}" for number in range(1_000)]
FEEDS = (
    ("acme", "shop.test", PRODUCTS),
    ("boots", "boots.test", ["BOOT1", "BOOT2"]),
    ("strict", "strict.test", ["S1"]),
)

Header = tuple[str, str | bytes]


@dataclass(frozen=True)
class Reply:
    """One response as it came over the wire; header names are lower-case, in order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name, or an empty text."""
        return next(iter(self.every(name)), "")

    def every(self, name: str) -> list[str]:
        """All headers of that name."""
        return [value for key, value in self.headers if key == name]

    @property
    def reason(self) -> str:
        """Why nothing was counted or shown."""
        return self.header("x-adserver-reason")

    @property
    def cookie(self) -> str:
        """The first cookie it sets, as a Cookie header sends it back."""
        return self.header("set-cookie").partition(";")[0]

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def everything(self) -> str:
        """Headers and body in one text, to look for what must not be there."""
        return "\n".join(f"{name}: {value}" for name, value in self.headers) + "\n" + self.body.decode("latin-1")


def request(
    target: str | bytes,
    *headers: Header,
    method: str = "GET",
    host: str = "ads.test",
    close: bool = False,
) -> bytes:
    """The bytes of a request without a body."""
    lines = [method.encode() + b" " + (target if isinstance(target, bytes) else target.encode()) + b" HTTP/1.1"]
    lines.append(b"Host: " + host.encode())
    lines += [name.encode() + b": " + (v if isinstance(v, bytes) else v.encode("latin-1")) for name, v in headers]
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def read_reply(stream: BinaryIO) -> Reply | None:
    """The next response, None when the server has closed."""
    line = stream.readline()
    if not line:
        return None
    headers = []
    while (field := stream.readline()) not in (b"\r\n", b""):
        name, _, value = field.rstrip(b"\r\n").partition(b": ")
        headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))
    reply = Reply(int(line.split()[1]), tuple(headers), b"")
    return Reply(reply.status, reply.headers, stream.read(int(reply.header("content-length") or 0)))


@dataclass(frozen=True)
class Wire:
    """Plain sockets to one server."""

    address: tuple[str, int]

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(self.address, timeout=DEADLINE_S)

    def send(self, raw: bytes) -> list[Reply]:
        """Everything the server answers to these bytes until it closes the connection."""
        replies = []
        with self.connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(raw)
            while (reply := read_reply(stream)) is not None:
                replies.append(reply)
        return replies

    def get(self, target: str | bytes, *headers: Header, method: str = "GET", host: str = "ads.test") -> Reply:
        """One request on a connection of its own, so that any worker may take it."""
        with self.connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(request(target, *headers, method=method, host=host, close=True))
            reply = read_reply(stream)
        assert reply is not None, target
        return reply

    def batch(self, requests: Iterable[bytes], *, at_once: int = 40) -> list[Reply]:
        """Many requests, pipelined on one connection that stays open all the time; answers come in their order."""
        waiting = list(requests)
        replies: list[Reply] = []
        with self.connect() as connection, connection.makefile("rb") as stream:
            for start in range(0, len(waiting), at_once):
                group = waiting[start : start + at_once]
                connection.sendall(b"".join(group))
                for sent in group:
                    reply = read_reply(stream)
                    assert reply is not None, sent[:200]
                    replies.append(reply)
        return replies

    def each(self, requests: Iterable[bytes]) -> Iterator[tuple[bytes, Reply]]:
        """Requests one after the other on a connection that is opened anew whenever the server closes it."""
        connection: socket.socket | None = None
        try:
            for sent in requests:
                connection = connection or self.connect()
                with connection.makefile("rb") as stream:
                    connection.sendall(sent)
                    reply = read_reply(stream)
                assert reply is not None, sent[:200]
                if reply.header("connection") == "close":
                    connection.close()
                    connection = None
                yield sent, reply
        finally:
            if connection is not None:
                connection.close()

    def view(self, *products: str, cookie: str = "", advertiser: str = "acme", event: str = "view_item") -> str:
        """An event that must count; returns the visitor's cookie, the new one or the one given."""
        reply = self.get(pixel(a=advertiser, e=event, p=products), *cookies(cookie))
        assert (reply.status, reply.reason) == (200, ""), reply
        return cookie or reply.cookie

    def ad(self, cookie: str = "", placement: str = "daily-rectangle", *headers: Header) -> Reply:
        """The ad of one placement."""
        return self.get(f"/ad?placement={quote(placement)}", *cookies(cookie), *headers)


def failures(server: Server) -> list[str]:
    """The lines of the log that tell of something broken."""
    return [line for line in server.log().splitlines() if "Traceback" in line or "a handler failed" in line]


def keys_in(valkey: Redis) -> int:
    """How many keys there are, those aside by which a worker tells its own batches of the event stream, and what the
    background worker learns in its own time."""
    aside = (b"batch:", b"related:", b"popular:")
    return sum(not key.startswith(aside) for key in valkey.scan_iter(count=1_000))


def wire_to(server: Server) -> Wire:
    """A wire to a running server."""
    host, _, port = server.base_url.partition("://")[2].partition(":")
    return Wire((host, int(port)))


def cookies(cookie: str) -> Sequence[Header]:
    """The Cookie header, if there is one to send."""
    return (("Cookie", cookie),) if cookie else ()


def pixel(**fields: str | Sequence[str]) -> str:
    """The pixel's target with these fields."""
    return "/pixel.gif?" + urlencode(fields, doseq=True)


def products_in(html: str) -> list[str]:
    """The titles of a banner, in its order; ``Product SKU1`` is the title of SKU1."""
    return [part.partition("</span>")[0] for part in html.split('<span class="title">')[1:]]


def clicks_in(html: str) -> list[str]:
    """The click paths of a banner, in its order."""
    return [part.partition('"')[0] for part in html.split('class="tile" href="')[1:]]


def impression_in(html: str) -> str:
    """The impression path of a banner."""
    return html.partition('class="seen" src="')[2].partition('"')[0]


def hostile_lines(folder: str = "") -> list[str]:
    """All lines of the published lists, each once; with ``folder`` only of that one."""
    if not STRINGS.is_dir():
        pytest.skip(f"the published hostile strings are not at hand ({STRINGS})")
    lines: dict[str, None] = {}
    if not folder:
        lines.update(dict.fromkeys(json.loads((STRINGS / "blns.json").read_text("utf-8"))))
    for file in sorted((STRINGS / "pat" / folder).rglob("*")):
        if file.is_file() and file.suffix in {".txt", ".svg", ".xml"}:
            lines.update(dict.fromkeys(file.read_text("utf-8", "replace").splitlines()))
    return [line for line in lines if line]


def token(kind: TokenKind = TokenKind.CLICK, **fields: Any) -> Token:
    """A token of acme for SKU1 that is good for a long time."""
    values: dict[str, Any] = {
        "kind": kind,
        "expires": 4_000_000_000,
        "decision": "decision-of-test",
        "advertiser": "acme",
        "line_item": "acme-viewers",
        "placement": "daily-rectangle",
        "product": "SKU1" if kind is TokenKind.CLICK else "",
        "url": "https://shop.test/p/SKU1" if kind is TokenKind.CLICK else "",
    }
    return Token(**{**values, **fields})


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers, two shops with products and one that wants consent, two publishers."""
    folder = tmp_path_factory.mktemp("feeds")
    accounts = ACCOUNTS
    for shop, host, products in FEEDS:
        (folder / f"{shop}.xml").write_text(feed_xml(products, base=f"https://{host}"), "utf-8")
        accounts += f'[advertisers.{shop}.feed]\nsource = "{folder / shop}.xml"\n'
    settings: dict[str, Any] = {"ADSERVER_SECRET": SECRET, "ADSERVER_AD_DEADLINE_MS": "5000"}
    with running_server("--workers", "2", accounts=accounts, **settings) as running:
        # The first import of a feed that an account names happens by itself.
        until(lambda: running.client.get("/readyz").json()["swaps"] == len(FEEDS), what="the products of all shops")
        running.wait_for_workers()
        yield running
        assert failures(running) == []


@pytest.fixture(scope="session")
def wire(server: Server) -> Wire:
    """To the server of all tests."""
    return wire_to(server)


@pytest.fixture(scope="session")
def tokens() -> Tokens:
    """Mints what the server of all tests takes for its own."""
    return Tokens(Keyring([SECRET.encode()], "token"))


@pytest.fixture(scope="session")
def visitor_cookies() -> VisitorCookies:
    """Signs what the server of all tests takes for its own."""
    return VisitorCookies(Keyring([SECRET.encode()], "visitor"))
