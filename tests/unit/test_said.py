"""What a banner says, and who asks for a picture of it."""

import pytest

from adserver.collect.bot import Automation, automation_of
from adserver.collect.mail_proxy import READER, is_mail_proxy
from adserver.creative.said import said_in


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('<p class="headline" dir="auto">Only today</p>', "Only today"),
        ('<div><p dir="auto" class="large headline">Only  <b>now</b>\n&amp; here</p></div>', "Only now & here"),
        ('<h1 class="headline">One</h1><p class="headline">Two</p>', "One"),
        ('<p class="headlines">No</p><p class="no-headline">No</p>', ""),
        ('<span class="title">&lt;p class="headline"&gt;No&lt;/p&gt;</span>', ""),
        ("", ""),
        ('<p class="headline">', ""),
    ],
)
def test_the_words_of_an_element(document: str, said: str) -> None:
    assert said_in(document, "headline") == said


@pytest.mark.parametrize(
    "proxy",
    [
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/5.0",
    ],
)
def test_proxies_of_mail_stand_for_a_reader(proxy: str) -> None:
    assert automation_of(proxy) is not Automation.NONE
    assert is_mail_proxy(proxy)
    assert automation_of(READER) is Automation.NONE


@pytest.mark.parametrize(
    "agent",
    ["", "Googlebot-Image/1.0", "Mozilla/5.0 (compatible; YandexImages/3.0)", "curl/8.5.0", "Mozilla/5.0 Mozilla/5.0"],
)
def test_others_stand_for_themselves(agent: str) -> None:
    assert not is_mail_proxy(agent)
