"""The click tracker of another ad server, in front of our links: ``click=`` of a request for an ad.

Google Ad Manager, Prebid and their like replace a macro of their tags by the beginning of a URL that counts the click
and goes on to whatever is appended to it, percent-encoded. It comes from the query, so it is believed only where its
host is the publisher's own, or one that the publisher has named. No other is, however well known: anybody can open an
account with the large ad servers, and send readers on to anywhere. What is not believed is left out: the ad has our own
links.
"""

import re
from collections.abc import Sequence

from adserver.model.account import Publisher
from adserver.tracking.landing import landing_location

MAX_CHARACTERS = 4_096
"""Longer ones are left out: it stands in each link of the ad."""

_USELESS = re.compile(r"%%|\$\{|\{\{|\[[A-Z_]+\]|#")
"""A macro that nobody has replaced; or a fragment, behind which nothing reaches a server."""

_LONGEST_END = 12
_OPEN_END = re.compile(r"(?:[=?/;,]|%(?:25)*(?:3D|3F|2F))\Z", re.IGNORECASE)
"""What something may be appended to. A tracker that was pasted into a query without being escaped has lost its end."""


def click_prefix(sent: Sequence[str], publisher: Publisher) -> str:
    """What goes before a percent-encoded link of ours, plain ASCII, or an empty text. ``sent``: the values of
    ``click``, decoded once."""
    if len(sent) != 1:
        return ""
    (url,) = sent
    if len(url) > MAX_CHARACTERS or not _OPEN_END.search(url, len(url) - _LONGEST_END) or _USELESS.search(url):
        return ""
    location = landing_location(url, (*publisher.domains, *publisher.click_hosts))
    return location if location and len(location) <= MAX_CHARACTERS else ""
