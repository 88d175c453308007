"""The programs by which mail providers fetch the pictures of a mail, when a person opens it."""

import re

READER = "Mozilla/5.0 (Mail) Gecko/20100101 Thunderbird/115.0"
"""The user agent of somebody who reads mail, and of whom no more is known."""

_PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy|GmailImageProxy", re.IGNORECASE)


def reader_behind(user_agent: str) -> str:
    """What to judge a request for a picture by. The names of these proxies sound like those of crawlers, and what they
    ask for is seen by a person all the same."""
    return READER if _PROXY.search(user_agent) else user_agent
