"""What a visitor looks with, by the browser's own words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adserver.collect.device import device_of
from adserver.model.line_item import Device

AGENTS = Path(__file__).parents[2].parent / "shared" / "data" / "user-agents"

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0"

KNOWN = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36": "desktop",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15": "desktop",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0": "desktop",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36": "desktop",
    "Mozilla/5.0 (Windows NT 6.2; Trident/7.0; Touch; Tablet PC 2.0; rv:11.0) like Gecko": "desktop",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1": "phone",
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36": "phone",
    "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0": "phone",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/4.2.13221/25.623; U; en) Presto/2.5.25 Version/10.54": "phone",
    f"Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1": "tablet",
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Safari/537.36": "tablet",
    "Mozilla/5.0 (Android 15; Tablet; rv:143.0) Gecko/143.0 Firefox/143.0": "tablet",
    "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/95.2.7 Safari/537.36": "tablet",
    f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) {CHROME} TV Safari/537.36": "tv",
    f"Mozilla/5.0 (Web0S; Linux/SmartTV) {CHROME} Safari/537.36 WebAppManager": "tv",
    "Mozilla/5.0 (Linux; Android 9; AFTKA) AppleWebKit/537.36 (KHTML, like Gecko) Silk/98.6.10 Safari/537.36": "tv",
    "Roku/DVP-12.5 (12.5.0.4178-88)": "tv",
    f"Mozilla/5.0 (PlayStation; PlayStation 5/6.50) {SAFARI} Safari/605.1.15": "tv",
    "": "desktop",
}


@pytest.mark.parametrize(("agent", "device"), KNOWN.items())
def test_a_browser_is_taken_for_what_it_is(agent: str, device: str) -> None:
    assert device_of(agent) == device


ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "mobile", "device"),
    [
        (ANDROID, "?1", Device.PHONE),
        (ANDROID, "?0", Device.TABLET),
        (f"{ANDROID} Mobile Safari/537.36", "?0", Device.TABLET),
        (DESKTOP, "?0", Device.DESKTOP),
        (DESKTOP, "?1", Device.PHONE),  # a phone that asks for desktop pages, where the browser says so
        (DESKTOP, "no such value", Device.DESKTOP),
        (f"{ANDROID} Mobile Safari/537.36", "", Device.PHONE),
    ],
)
def test_the_client_hint_goes_first(agent: str, mobile: str, device: Device) -> None:
    assert device_of(agent, mobile) is device


def test_no_header_is_too_long_or_too_odd() -> None:
    assert device_of("x" * 100_000 + " Mobile") is Device.DESKTOP
    assert device_of("\x00ÿ" * 50) is Device.DESKTOP


EXPECTED = {
    "Windows": {Device.DESKTOP},
    "Mac OS X": {Device.DESKTOP},
    "Ubuntu": {Device.DESKTOP},
    "Chrome OS": {Device.DESKTOP},
    "Symbian OS": {Device.PHONE},
    "KaiOS": {Device.PHONE},
    "Kindle": {Device.TABLET},
    "GoogleTV": {Device.TV},
    "Samsung": {Device.TV},
    "Panasonic": {Device.TV},
    "tvOS": {Device.TV},
    "Roku": {Device.TV},
    "Android": {Device.PHONE, Device.TABLET},
    "Firefox OS": {Device.PHONE, Device.TABLET},
}


def real_agents() -> Iterator[tuple[str, str]]:
    """User agent and operating system of real requests."""
    agent = ""
    for line in (AGENTS / "uap-core_test_os.yaml").read_text("utf-8").splitlines():
        if found := re.match(r"\s*-?\s*user_agent_string:\s*(['\"]?)(.*)\1\s*$", line):
            agent = found[2]
        elif (found := re.match(r"\s*family:\s*['\"]?(.*?)['\"]?\s*$", line)) and agent:
            yield agent, found[1]
            agent = ""


@pytest.mark.skipif(not AGENTS.exists(), reason="the real user agents are not on this machine")
def test_real_browsers_are_where_their_operating_system_runs() -> None:
    looked, wrong = 0, []
    for agent, system in real_agents():
        if system in EXPECTED and "IEMobile" not in agent:
            looked += 1
            if device_of(agent) not in EXPECTED[system]:
                wrong.append((agent, device_of(agent).value))
    assert looked > 150
    assert len(wrong) <= looked * 0.04, wrong  # apps on Android that say no more than their own name


@pytest.mark.skipif(not AGENTS.exists(), reason="the real user agents are not on this machine")
def test_real_iphones_are_phones_and_ipads_are_tablets() -> None:
    agents = [agent for agent, _ in real_agents()]
    iphones = [agent for agent in agents if "iPhone;" in agent]
    ipads = [agent for agent in agents if "iPad;" in agent]
    assert len(iphones) > 10
    assert len(ipads) > 2
    assert {device_of(agent) for agent in iphones} == {Device.PHONE}
    assert {device_of(agent) for agent in ipads} == {Device.TABLET}
