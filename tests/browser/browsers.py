"""How the tests start Chromium: one set of flags, and a profile for each of the two cookie worlds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.needs import chromium

_WITHOUT = (
    # The suggestions below the address bar: two web pages in a process of their own, for each window anew.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    # What Playwright leaves out too: of two such flags the last one counts, and that is ours.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--disable-features={','.join(_WITHOUT)}",
)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A browser whose contexts start empty; third-party cookies are blocked, as Debian's Chromium does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def profile(folder: Path, *, third_party_cookies: bool) -> Path:
    """A profile folder: Chromium blocks third-party cookies unless its preferences say otherwise."""
    if third_party_cookies:
        preferences = folder / "Default" / "Preferences"
        preferences.parent.mkdir(parents=True)
        preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}))
    return folder


@contextmanager
def running_profile(
    folder: Path,
    *,
    third_party_cookies: bool,
    flags: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    width: int = 900,
    height: int = 900,
    **options: Any,
) -> Iterator[BrowserContext]:
    """Chromium with a profile of its own in an empty ``folder``."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile(folder, third_party_cookies=third_party_cookies),
            executable_path=chromium(),
            args=[*FLAGS, *flags],
            extra_http_headers=dict(headers or {}),
            viewport={"width": width, "height": height},
            **options,
        )
        try:
            yield context
        finally:
            context.close()
