"""The programs by which mail providers fetch the pictures of a mail for a person who reads it."""

import re

READER = "Mozilla/5.0 (Mail) Gecko/20100101 Thunderbird/115.0"
"""The user agent of somebody who reads mail, and of whom no more is known."""

_PROXY = re.compile(r"GoogleImageProxy|GmailImageProxy|YahooMailProxy|\A\s*Mozilla/5\.0\s*\Z", re.IGNORECASE)
"""Apple's says nothing but the first word of every browser. Others do not tell themselves from browsers."""


def is_mail_proxy(user_agent: str) -> bool:
    """Whether a person sits behind it: its name may sound like a crawler's, and its address is not the person's."""
    return _PROXY.search(user_agent) is not None
