"""Browsers, tools and crawlers, told by their user agents: real ones from public lists, and hostile ones."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.collect import bot
from adserver.collect.bot import JUDGED_LENGTH, REMEMBERED, Automation, automation_of

LISTS = Path(__file__).parents[2].parent / "shared" / "data" / "user-agents"
needs_lists = pytest.mark.skipif(not LISTS.is_dir(), reason=f"the lists of user agents are not at {LISTS}")

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; {}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "

# Families of uap-core's list that are browsers of people, on their own or inside of an app.
BROWSERS = {
    "1Password", "Amazon Silk", "Android", "Baidu Browser", "BlackBerry WebKit", "Brave", "Chrome", "Chrome Frame",
    "Chrome Mobile", "Chrome Mobile WebView", "Chrome Mobile iOS", "Chromium", "Coc Coc", "Dolphin",
    "DuckDuckGo Mobile", "Edge", "Edge Mobile", "Facebook", "Facebook Messenger", "Firefox", "Firefox Beta",
    "Firefox Mobile", "Firefox iOS", "Google", "HbbTV", "HeyTap Browser", "Honor Browser", "IE", "IE Mobile",
    "Instagram", "Iron", "KakaoTalk", "Ladybird", "Maxthon", "MiuiBrowser", "Mobile Safari",
    "Mobile Safari UI/WKWebView", "MozillaDeveloperPreview", "NetFront", "NetFront NX", "Nokia Browser",
    "Oculus Browser", "Opera", "Opera GX", "Opera Mini", "Opera Mobile", "Opera Touch", "Outlook", "Pale Moon",
    "Pinterest", "Puffin", "QQ Browser", "QQ Browser Mobile", "Qt Web Engine", "Roblox App", "Safari",
    "Samsung Internet", "Seznam prohlížeč", "Slack Desktop Client", "Snapchat", "Steam Client", "Telegram", "TikTok",
    "Twitter", "UC Browser", "Vivaldi", "VivoBrowser", "WeChat Browser", "Weibo", "Whale", "Yandex Browser",
    "webOS Browser",
}  # fmt: skip
_NOT_OF_PEOPLE = re.compile(r"bot\b|spider|crawl|externalhit|headless|PTST|inspection|preview\b|\(kinda", re.IGNORECASE)


def cases(name: str) -> list[tuple[str, str]]:
    """(user agent, family) of one of uap-core's files."""
    text = (LISTS / name).read_text("utf-8")
    found = re.findall(r"user_agent_string: (['\"])(.*)\1\s*\n\s+family: (['\"])(.*)\3", text)
    return [(agent.replace("''", "'"), family) for _, agent, _, family in found]


def browsers() -> list[str]:
    """Without those that a log wrote with plus signs for spaces: no client sends them."""
    return [agent for agent, _ in cases("uap-core_firefox_user_agent_strings.yaml")] + [
        agent
        for agent, family in cases("uap-core_test_ua.yaml")
        if family in BROWSERS
        and agent.startswith(("Mozilla/", "Opera/"))
        and " " in agent
        and not _NOT_OF_PEOPLE.search(agent)
    ]


def crawler_detect() -> list[str]:
    return (LISTS / "crawler-detect_user_agent_crawlers.txt").read_text("utf-8").splitlines()


def crawler_user_agents() -> list[str]:
    entries = json.loads((LISTS / "crawler-user-agents.json").read_text("utf-8"))
    return [agent for entry in entries for agent in entry["instances"]]


@needs_lists
def test_no_browser_is_taken_for_a_program() -> None:
    agents = browsers()
    assert len(agents) > 500
    assert [agent for agent in agents if automation_of(agent) is not Automation.NONE] == []


@needs_lists
@pytest.mark.parametrize(
    ("agents", "count", "found", "refused"),
    [(crawler_detect, 3_720, 0.955, 0.84), (crawler_user_agents, 2_116, 0.995, 0.90)],
)
def test_crawlers_are_found(agents: Callable[[], list[str]], count: int, found: float, refused: float) -> None:
    verdicts = [automation_of(agent) for agent in agents()]
    assert len(verdicts) == count
    assert 1 - verdicts.count(Automation.NONE) / count >= found
    assert verdicts.count(Automation.CRAWLER) / count >= refused


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
        IPHONE + "Version/18.1 Mobile/15E148 Safari/604.1",
        IPHONE + "GSA/344.0.694831424 Mobile/15E148 Safari/604.1",
        IPHONE + "Mobile/15E148 [FBAN/FBIOS;FBAV/489.0.0.42.77;FBCR/OrangeBotswana;FBRV/0]",
        IPHONE
        + "Mobile/15E148 Instagram 361.0.0.35.82 (iPhone14,5; iOS 18_1; de_DE; scale=3.00; 1170x2532; 674117118)",
        IPHONE + "AppleNews/608.0.1 Version/2.0.1",
        IPHONE + "1Password/6.4.5 (like Version/10.2.1 Mobile/14D27 Safari/600.1.4)",
        CHROME.replace("Chrome/", "Slack/4.41.98 Chrome/") + " Slack_SSB/4.41.98",
        CHROME.replace("Chrome/", "my-app/1.2.3 Chrome/").replace("Safari", "Electron/33.2.1 Safari"),
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36 WebAppManager",
        "Mozilla/5.0 (Linux armv7l) AppleWebKit/537.36 OPR/46.0 OMI/4.21.4.112.Catcher4.69 VIDAA/5.0",
        "MyShop/812 CFNetwork/1568.200.51 Darwin/24.1.0",
        "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP2A.240805.005)",
        *map(
            ANDROID.format,
            [
                "K",
                "M bot 60",
                "POWER BOT Build/MRA58K",
                "Spider 8",
                "Discovery SE",
                "4K Google TV Stick; wv",
                "Moto G (4)",
            ],
        ),
        ANDROID.format("TLA001 Build/QP1A.190711.020; wv") + " SogouMSE,SogouMobileBrowser/6.1.5",
    ],
)
def test_browsers_that_sound_like_programs(agent: str) -> None:
    assert automation_of(agent) is Automation.NONE


@pytest.mark.parametrize(
    "agent",
    [
        "curl/8.11.0",
        "Wget/1.24.5",
        "python-requests/2.32.3",
        "python-httpx/0.28.1",
        "Python-urllib/3.12",
        "Python/3.12 aiohttp/3.11.2",
        "Go-http-client/2.0",
        "okhttp/4.12.0",
        "axios/1.7.7",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "got (https://github.com/sindresorhus/got)",
        "node",
        "undici",
        "Java/17.0.9",
        "Apache-HttpClient/4.5.14 (Java/17.0.9)",
        "GuzzleHttp/7",
        "PostmanRuntime/7.42.0",
        "k6/0.55.0 (https://k6.io/)",
        "WordPress/6.7; https://shop.example",
        CHROME.replace("Chrome/", "HeadlessChrome/"),
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
        CHROME + " Playwright/1.49",
        "",
        " ",
        "my-program/1.0",
        "Mozilla/5.0",
    ],
)
def test_tools(agent: str) -> None:
    assert automation_of(agent) is Automation.TOOL


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        ANDROID.format("Nexus 5X Build/MMB29P") + " (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        ANDROID.format("Pixel 2 Build/OPD3.170816.012; Storebot-Google/1.0"),
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "WhatsApp/2.23.20.0",
        CHROME + " PTST/240830.180911",
        "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "sqlmap/1.8.11#stable (https://sqlmap.org)",
        "Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)",
        "python-requests/2.32.3 shop-crawler",
        "axios/1.7.7 (+https://prices.example/about)",
        CHROME.replace("Chrome/", "HeadlessChrome/") + " (compatible; pricebot/1.0)",
    ],
)
def test_crawlers(agent: str) -> None:
    assert automation_of(agent) is Automation.CRAWLER


@given(st.text(max_size=2_000))
def test_any_text_has_a_verdict_and_its_case_does_not_matter(agent: str) -> None:
    assert automation_of(agent) in Automation
    if agent.isascii():
        assert automation_of(agent.upper()) is automation_of(agent.lower())


def test_what_stands_after_the_limit_is_not_looked_at() -> None:
    padding = "x " * JUDGED_LENGTH
    assert automation_of(f"{CHROME} {padding}") is automation_of(f"{CHROME} {padding}Googlebot") is Automation.NONE
    assert automation_of(f"{CHROME} Googlebot {padding}") is Automation.CRAWLER


def test_memory_is_bounded() -> None:
    for number in range(REMEMBERED + 100):
        automation_of(f"curl/{number} {'x' * 5_000}")
    assert bot._judged.cache_info().currsize == REMEMBERED


def test_a_known_user_agent_costs_nothing() -> None:
    automation_of(CHROME)
    raw = CHROME.encode()
    rounds = []
    for _ in range(20):
        agents = [raw.decode("latin-1") for _ in range(1_000)]  # new strings, as requests bring them
        start = time.perf_counter()
        for agent in agents:
            automation_of(agent)
        rounds.append(time.perf_counter() - start)
    assert min(rounds) < 0.001  # 1 µs each; the machine may be busy in most of the rounds


_STARTS = (
    "",
    "mozilla/5.0 ",
    "mozilla/5.0 (compatible; ",
    "mozilla/5.0 (linux; android ",
    "safari/",
    "@a",
    "go ",
    "1/1",
)
_REPEATED = (
    "a", "1", " ", "\t", ".0", "1.", "a-", "a1 ", "a/1.0 ", "(", ")", "()", "(a)", "; a;", "|", "goo", "htt",
    "scan", "a.a", "libhttp ", "camscan ", "cubot ", "java;", "@a-", "cpu os 0_", "mozilla/5.0 (", "; android ",
    "x_", "İ.", "\x00",
)  # fmt: skip


@pytest.mark.parametrize("start", _STARTS)
def test_hostile_strings_take_no_longer_than_others(start: str) -> None:
    """Milliseconds would do; the limit lets a slow machine through and no expression that tries all combinations."""
    for piece in _REPEATED:
        for end in ("", "!"):
            agent = (start + piece * JUDGED_LENGTH)[: JUDGED_LENGTH - 1] + end
            bot._judged.cache_clear()
            best = min(_seconds(agent) for _ in range(3))
            assert best < 0.02, f"{best * 1000:.1f} ms: {agent[:60]!r}"


def _seconds(agent: str) -> float:
    start = time.perf_counter()
    bot._judged.__wrapped__(agent)
    return time.perf_counter() - start
