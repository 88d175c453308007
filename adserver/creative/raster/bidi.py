"""Which way each part of a line of text runs: the Unicode bidirectional algorithm (UAX 9) without embeddings, whose
control characters ``readable`` takes out."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

# Hebrew, Arabic and their kin, the Arabic presentation forms, and what of them lies beyond the basic plane.
_RIGHT_TO_LEFT = re.compile("[\u200f\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_NEUTRAL = frozenset(("B", "S", "WS", "ON", "BN", "ES", "ET", "CS", "NSM"))


class Part(NamedTuple):
    """Characters that run one way."""

    text: str
    rtl: bool


def base_is_rtl(text: str, otherwise: bool) -> bool:
    """The way of the first letter that has one, as ``dir="auto"`` takes it."""
    if not _RIGHT_TO_LEFT.search(text):
        return otherwise and not any(unicodedata.bidirectional(character) == "L" for character in text)
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return otherwise


def parts(line: str, rtl: bool) -> list[Part]:
    """From left to right. The characters of each part stand as they are read; ``rtl`` is the way of the whole."""
    if not rtl and not _RIGHT_TO_LEFT.search(line):
        return [Part(line, False)] if line else []
    levels = _levels(line, rtl)
    runs = list(_runs(line, levels))
    for level in range(max(levels, default=0), 0, -1):
        _turn(runs, level)
    return [Part(text, level % 2 == 1) for text, level in runs]


def _levels(line: str, rtl: bool) -> list[int]:
    base = 1 if rtl else 0
    kinds = _resolved(line, "R" if rtl else "L")
    step = {"L": base + base % 2, "R": base + (base + 1) % 2, "N": base + 2 - base % 2}
    return [step[kind] for kind in kinds]


def _resolved(line: str, base: str) -> list[str]:
    """For each character L, R, or N for a number that stands in text from right to left."""
    kinds = _weak([unicodedata.bidirectional(character) or "L" for character in line], base)
    strong = base
    place = 0
    while place < len(kinds):
        if kinds[place] not in _NEUTRAL:
            strong = "R" if kinds[place] in ("EN", "AN") else kinds[place]
            place += 1
            continue
        end = place
        while end < len(kinds) and kinds[end] in _NEUTRAL:
            end += 1
        after = base if end == len(kinds) else "R" if kinds[end] in ("EN", "AN") else kinds[end]
        kinds[place:end] = [strong if strong == after else base] * (end - place)
        place = end
    return ["N" if kind in ("EN", "AN") else kind for kind in kinds]


def _weak(kinds: list[str], base: str) -> list[str]:
    """Rules W1 to W7: marks, numbers, and the signs between and around numbers."""
    last = strong = base
    for place, kind in enumerate(kinds):
        if kind == "NSM":
            kinds[place] = last
        elif kind == "EN" and strong == "AL":
            kinds[place] = "AN"
        elif kind in ("L", "R", "AL"):
            strong = kind
        last = kinds[place]
    _separators(kinds)
    _terminators(kinds)
    strong = base
    for place, kind in enumerate(kinds):
        if kind == "AL":
            kinds[place] = "R"
        elif kind == "EN" and strong == "L":
            kinds[place] = "L"
        if kinds[place] in ("L", "R"):
            strong = kinds[place]
    return kinds


def _separators(kinds: list[str]) -> None:
    for place in range(1, len(kinds) - 1):
        before, after = kinds[place - 1], kinds[place + 1]
        joins = before == "EN" if kinds[place] == "ES" else kinds[place] == "CS" and before in ("EN", "AN")
        if before == after and joins:
            kinds[place] = before


def _terminators(kinds: list[str]) -> None:
    """A currency sign or per cent beside a number belongs to it."""
    for order in (range(1, len(kinds)), range(len(kinds) - 2, -1, -1)):
        back = -1 if order.step == 1 else 1
        for place in order:
            if kinds[place] == "ET" and kinds[place + back] == "EN":
                kinds[place] = "EN"


def _runs(line: str, levels: list[int]) -> Iterator[tuple[str, int]]:
    start = 0
    for place in range(1, len(line) + 1):
        if place == len(line) or levels[place] != levels[start]:
            yield line[start:place], levels[start]
            start = place


def _turn(runs: list[tuple[str, int]], level: int) -> None:
    start = 0
    while start < len(runs):
        end = start
        while end < len(runs) and runs[end][1] >= level:
            end += 1
        runs[start:end] = reversed(runs[start:end])
        start = end + 1
