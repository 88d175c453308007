"""Where a feed comes from, as it may be shown."""

import re

_PASSWORD = re.compile(r"(?<=://)([^/?#@:\[]*):(?!\d*(?:[/?#]|$))(?:[^/?#]*|.*)@", re.DOTALL)
"""A colon that no port follows, up to the last ``@`` of the host's part; of a wrong address, up to the last of all."""


def shown_source(source: str) -> str:
    """A path as it is; a URL, right or wrong, without its password."""
    return _PASSWORD.sub(r"\1:***@", source, count=1)
