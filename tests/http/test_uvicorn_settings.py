"""A uvicorn that the fast lane does not know: the plain door, one warning, and a server that serves."""

from pathlib import Path

import pytest
import uvicorn

from adserver.web.fastlane import FastLane
from adserver.web.protocol import BoundedHttpProtocol
from adserver.web.uvicorn_settings import KNOWN, protocol_settings
from tests.http.conftest import GIF, pixel, products_in, wire_to
from tests.journeys.inside import quick_server
from tests.server import feed_xml


def test_the_uvicorn_at_hand_is_the_one_we_know(caplog: pytest.LogCaptureFixture) -> None:
    assert tuple(map(int, uvicorn.__version__.split(".")[:2])) == KNOWN
    assert issubclass(protocol_settings({})["http"], FastLane)
    assert protocol_settings(None)["http"] is BoundedHttpProtocol
    assert caplog.records == []


@pytest.mark.parametrize("version", ["9.9", "0.53.9", "0.55.0", "1.54", "0.540", f"{KNOWN[0]}.{KNOWN[1] + 1}.0.dev1"])
def test_any_other_gets_the_plain_door_and_one_warning(version: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = protocol_settings({}, version=version)
    assert settings["http"] == "auto"
    (record,) = caplog.records
    assert (record.levelname, version in record.getMessage()) == ("WARNING", True)


@pytest.mark.parametrize("version", [f"{KNOWN[0]}.{KNOWN[1]}.0", f"{KNOWN[0]}.{KNOWN[1]}.7"])
def test_a_repaired_one_is_known(version: str) -> None:
    assert issubclass(protocol_settings({}, version=version)["http"], FastLane)


@pytest.mark.parametrize("version", ["", "x", "9", "0.x", "unknown"])
def test_a_version_that_is_none_stops_nothing(version: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = protocol_settings({}, version=version or "?")
    assert settings["http"] == "auto"
    assert len(caplog.records) == 1


def test_a_server_with_another_uvicorn_serves(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text('import uvicorn\nuvicorn.__version__ = "9.9"\n', "utf-8")
    with quick_server(feed=feed_xml(["SKU1"]), PYTHONPATH=str(tmp_path)) as server:
        wire = wire_to(server)
        cookie = wire.view("SKU1")
        assert products_in(wire.ad(cookie).text) == ["Product SKU1"]
        assert wire.get(pixel(a="acme", e="view_item", p="SKU1"), ("Cookie", cookie)).body == GIF
        assert wire.get("/ads?placement=daily-rectangle", ("Cookie", cookie)).json["ads"][0]["html"]
        warnings = [line for line in server.log().splitlines() if "the plain door only" in line]
        assert len(warnings) == 1
        assert "uvicorn 9.9" in warnings[0]
        assert "Traceback" not in server.log()
