"""Arabic letters joined, for where the library that shapes text (FriBiDi, by way of Raqm) is not installed.

Letters take their joined forms out of Unicode's own table of presentation forms. Indic scripts stay as they are then.
"""

import re
import unicodedata
from functools import cache

import regex  # type: ignore[import-untyped]  # for clusters and scripts, which `re` does not know

_CLUSTERS = regex.compile(r"\X")
_ARABIC = re.compile("[\u0621-\u06d3]")
_MIRRORS = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_TATWEEL = "\u0640"


def as_seen(text: str, rtl: bool) -> str:
    """The characters from left to right, for a drawer that sets one beside the other."""
    if not rtl:
        return text
    joined = _joined(text) if _ARABIC.search(text) else text
    return "".join(reversed(_CLUSTERS.findall(joined.translate(_MIRRORS))))


@cache
def _forms() -> dict[tuple[str, str], str]:
    """Of each letter, or pair of them, by ``isolated``, ``initial``, ``medial`` and ``final``."""
    found = {}
    for code in (*range(0xFB50, 0xFDF0), *range(0xFE70, 0xFEFD)):
        kind, _, letters = unicodedata.decomposition(chr(code)).partition(" ")
        text = "".join(chr(int(letter, 16)) for letter in letters.split())
        if kind.strip("<>") in ("isolated", "initial", "medial", "final") and _is_used(text):
            found[text, kind.strip("<>")] = chr(code)
    return found


def _is_used(text: str) -> bool:
    """Of the pairs only lam with alef, which no reader would take apart."""
    return len(text) == 1 or (len(text) == 2 and text[0] == "\u0644" and text[1] in "\u0622\u0623\u0625\u0627")


def _joined(text: str) -> str:
    letters = [cluster[0] for cluster in _CLUSTERS.findall(text)]
    clusters = _CLUSTERS.findall(text)
    made = []
    place = 0
    while place < len(letters):
        pair = "".join(letters[place : place + 2])
        unit = pair if (pair, "isolated") in _forms() and len(pair) == 2 else letters[place]
        end = place + len(unit)
        before = place > 0 and _joins_on(letters[place - 1])
        after = end < len(letters) and _joins_on(unit) and _joins_back(letters[end])
        form = (
            ("medial" if after else "final") if before and _joins_back(unit[0]) else "initial" if after else "isolated"
        )
        marks = "".join(cluster[1:] for cluster in clusters[place:end])
        made.append(_forms().get((unit, form), unit) + marks)
        place = end
    return "".join(made)


def _joins_on(unit: str) -> bool:
    """Whether it reaches out to the letter after it."""
    return unit == _TATWEEL or (unit, "initial") in _forms()


def _joins_back(letter: str) -> bool:
    return letter == _TATWEEL or (letter, "final") in _forms()
