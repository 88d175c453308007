"""What a page reads of an ad that is refused before anybody looks who asks: an answer, and no failed network."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adserver.web import rate_limit
from adserver.web.overload import Load
from adserver.wiring import handlers
from tests.http.conftest import Header, Reply, request
from tests.http.doors import LAST, Doors, House, normal
from tests.server import DEADLINE_S

SKINS = ("/ad.json", "/ads", "/ad", "/ad.png")
ORIGINS = ("https://news.test", "https://evil.example", "null", "https://" + "x" * 1_000)


class Standing(Load):
    """A queue of ads that never goes."""

    def __init__(self, target_s: float) -> None:
        super().__init__(target_s)
        self.pressure = 1.0


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Without Valkey: nothing of this needs one."""
    with tempfile.TemporaryDirectory(prefix="ads-") as folder:
        built = House("unix:///nowhere/valkey.sock", Path(folder))
        thread = threading.Thread(target=built.loop.run_forever)
        thread.start()
        yield built
        built.loop.call_soon_threadsafe(built.loop.stop)
        thread.join(DEADLINE_S)
        built.loop.close()


@pytest.fixture(params=["overload", "rate_limited"])
def refusing(request: pytest.FixtureRequest, house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    """Refuses all ads."""
    if request.param == "overload":
        monkeypatch.setattr(handlers, "Load", Standing)
    limit: dict[str, Any] = {"ADSERVER_RATE_LIMIT": "1"} if request.param == "rate_limited" else {}
    monkeypatch.setattr(rate_limit, "_BURST_S", 0)
    with house.open(**limit) as opened:
        yield opened


def ask(doors: Doors, path: str, *headers: Header) -> Reply:
    """Both doors say the same, byte for byte."""
    raw = request(f"{path}?placement=daily-rectangle&cb=1", *headers) + LAST
    fast, plain = (normal(served.bytes_of(raw)) for served in doors.both())
    assert fast == plain
    return doors.fast.replies(raw, 1)[0]


@pytest.mark.parametrize("path", SKINS)
def test_every_page_may_read_that_it_was_refused(refusing: Doors, path: str, request: pytest.FixtureRequest) -> None:
    reason = "overload" if "overload" in request.node.name else "rate_limited"
    plain = ask(refusing, path)
    assert (plain.status, plain.body, plain.reason) == (204, b"", reason)
    assert not [name for name, _ in plain.headers if name.startswith("access-control")]
    for origin in ORIGINS[:3]:
        told = ask(refusing, path, ("Origin", origin))
        assert (told.status, told.body, told.reason) == (204, b"", reason)
        assert told.every("access-control-allow-origin") == [origin]
        assert told.every("access-control-allow-credentials") == ["true"]
        assert told.header("access-control-expose-headers") == "X-Adserver-Reason"
        assert told.header("cross-origin-resource-policy") == "cross-origin"
        assert told.header("vary") == plain.header("vary") == "Cookie, Origin, Sec-GPC"
    assert ask(refusing, path, ("Origin", ORIGINS[3])).headers[1:] == plain.headers[1:]  # of no browser


def test_the_opt_out_behind_a_proxy_that_names_another_host(house: House) -> None:
    """Of a browser that tells nothing but the origin of its page."""
    form = ("Origin", "https://ads.example")
    with house.open(ADSERVER_PUBLIC_URL="https://ads.example") as opened:
        for served in opened.both():
            done = served.wire.get("/privacy/opt-out", form, method="POST", host="adserver.internal")
            assert (done.status, len(done.every("set-cookie"))) == (200, 2)
            foreign = ("Origin", "https://news.test")
            assert served.wire.get("/privacy/opt-out", foreign, method="POST", host="adserver.internal").status == 403
