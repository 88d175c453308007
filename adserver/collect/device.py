"""What the visitor looks with, by what the browser says of itself.

Mozilla's advice is followed, "Browser detection using the user agent": a browser with ``Mobi`` in its name is on a
phone, and an Android without it on a tablet. An iPad that asks for desktop pages, as they all do since iPadOS 13, calls
itself a Macintosh and is taken for one.
"""

import re
from functools import lru_cache

from adserver.collect.bot import JUDGED_LENGTH, REMEMBERED
from adserver.model.line_item import Device

MOBILE, NOT_MOBILE = "?1", "?0"
"""The values of ``Sec-CH-UA-Mobile``."""


def device_of(user_agent: str, mobile: str = "") -> Device:
    """``mobile``: the header ``Sec-CH-UA-Mobile`` as it came, empty where it did not. Never raises; who says nothing
    has a desktop."""
    return _judged(user_agent if len(user_agent) <= JUDGED_LENGTH else user_agent[:JUDGED_LENGTH], mobile[:2])


# Sets that stand before a sofa; game consoles are among them, as they are plugged into one.
_TV = re.compile(
    r"""smart-?tv | \btv\b | googletv | google\ tv | android\ ?tv | apple\ ?tv | tvos | hbbtv | ce-html | netcast
      | viera | bravia | aquos | web0s | webos\.tv | \bdtv\b | dlnadoc | roku | crkey | \baft[a-z]{1,4}\d?\b | \bmibox
      | \bshield\ android | netrange | philipstv | inettvbrowser | opera\ tv | espial | boxee | freebox | \bstb\b
      | set-?top | playstation\ [345] | xbox | nintendo\ (?:wii|switch)""",
    re.VERBOSE,
)
_TABLET = re.compile(
    r"""ipad | tablet(?!\ pc) | playbook | kindle | \bkf[a-z]{2,6}\b | \bnook\b | xoom | hp-?touchpad | hpwos
      | \bsm-t\d{2,3} | \bgt-p\d{3,4} | \bnexus\ (?:7|9|10)\b""",
    re.VERBOSE,
)
_PHONE = re.compile(
    r"""mobi | iphone | ipod | windows\ (?:phone|ce) | blackberry | \bbb10\b | opera\ mini | ucweb | \bwap | symbian
      | series\ ?[346]0 | midp | j2me | up\.browser | nokia | palm | \bkaios | psp | playstation\ (?:portable|vita)
      | nintendo\ 3?ds""",
    re.VERBOSE,
)


@lru_cache(REMEMBERED)
def _judged(user_agent: str, mobile: str) -> Device:
    text = user_agent.lower()
    if _TV.search(text):
        return Device.TV
    if _TABLET.search(text):
        return Device.TABLET
    if "android" in text:
        return Device.PHONE if mobile == MOBILE or (_PHONE.search(text) and mobile != NOT_MOBILE) else Device.TABLET
    return Device.PHONE if mobile == MOBILE or _PHONE.search(text) else Device.DESKTOP
