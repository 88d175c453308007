"""What a rendered banner says in one of its elements: designs word their own headlines, and a picture says the same."""

import html
import re
from functools import cache

_TAG = re.compile(r"<[^>]*>")


def said_in(document: str, name: str) -> str:
    """The text of the first element of class ``name``, which holds none of its own kind; empty where there is none."""
    found = _element(name).search(document)
    return " ".join(html.unescape(_TAG.sub("", found[2])).split()) if found else ""


@cache
def _element(name: str) -> re.Pattern[str]:
    return re.compile(
        rf'<([a-z0-9]+) [^<>]*\bclass="(?:[^"]* )?{re.escape(name)}(?: [^"]*)?"[^<>]*>(.*?)</\1>', re.DOTALL
    )
