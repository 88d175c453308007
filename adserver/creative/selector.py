"""Selectors taken apart."""

import re
from functools import lru_cache
from typing import NamedTuple

Specificity = tuple[int, int, int]

_SIMPLE = re.compile(
    r"""(?P<class>\.[\w-]+)|(?P<id>\#[\w-]+)|(?P<attribute>\[[^\]"']*(?:"[^"]*"|'[^']*')?[^\]"']*\])"""
    r"""|(?P<element>::[\w-]+|:(?:before|after|first-line|first-letter)\b)|(?P<pseudo>:[\w-]+)|(?P<type>[\w-]+|\*)"""
)
_COMBINATOR = re.compile(r"\s*([>+~])\s*|\s+")


class Simple(NamedTuple):
    """``kind``: class, id, attribute, element (a pseudo-element), pseudo, or type. ``inner``: what stands in the
    brackets of ``:is()``, ``:where()``, ``:not()`` and ``:has()``, ``argument`` what stands in those of another."""

    kind: str
    text: str
    inner: "tuple[Selector, ...]" = ()
    argument: str = ""


class Compound(NamedTuple):
    """Simple selectors of one element, as they were written. ``joined`` is what stands before: a combinator."""

    text: str
    simples: tuple[Simple, ...]
    joined: str

    @property
    def pseudo_element(self) -> str:
        """Such as ``::before``; all of them, where there are several."""
        parts = [simple for simple in self.simples if simple.kind == "element"]
        return "".join([f"::{part.text.lstrip(':')}{part.argument}" for part in parts])


class Selector(NamedTuple):
    """``compounds``: the outermost first; the last one is the subject."""

    compounds: tuple[Compound, ...]
    specificity: Specificity


class UnknownSelectorError(ValueError):
    """It says something that nobody here can read."""


@lru_cache(16_384)
def selector_of(text: str) -> Selector:
    """Raises ``UnknownSelectorError``."""
    compounds: list[Compound] = []
    end, joined = 0, ""
    text = text.strip()
    if text.startswith(("+", "~", ">")):  # inside :has()
        joined, text = text[0], text[1:].strip()
    while end < len(text):
        start, simples = end, []
        while end < len(text) and (found := _SIMPLE.match(text, end)):
            simple, end = _simple(text, found)
            simples.append(simple)
        if not simples:
            raise UnknownSelectorError(text)
        compounds.append(Compound(text[start:end], tuple(simples), joined))
        if end < len(text):
            between = _COMBINATOR.match(text, end)
            if not between:
                raise UnknownSelectorError(text)
            joined, end = between[1] or " ", between.end()
    if not compounds:
        raise UnknownSelectorError(text)
    weights = [_weight(simple) for compound in compounds for simple in compound.simples]
    return Selector(tuple(compounds), _sum(weights))


def split_selectors(text: str, mark: str = ",") -> list[str]:
    """At marks that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == mark and not depth:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def closing(text: str, start: int) -> int:
    """Where the bracket ends within which ``start`` is; -1 where it does not."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if not depth:
            return place
    return -1


def _simple(text: str, found: re.Match[str]) -> tuple[Simple, int]:
    kind, end = str(found.lastgroup), found.end()
    if kind not in ("pseudo", "element") or text[end : end + 1] != "(":
        return Simple(kind, found[0]), end
    close = closing(text, end + 1)
    if close < 0:
        raise UnknownSelectorError(text)
    argument = text[end + 1 : close]
    name = found[0].lower()
    if name in (":is", ":where", ":not", ":has"):
        return Simple(kind, name, tuple(selector_of(part) for part in split_selectors(argument))), close + 1
    return Simple(kind, name, (), f"({argument})"), close + 1


def _weight(simple: Simple) -> Specificity:
    match simple.kind:
        case "id":
            return 1, 0, 0
        case "class" | "attribute":
            return 0, 1, 0
        case "type":
            return 0, 0, int(simple.text != "*")
        case "element":
            return 0, 0, 1
    if simple.text == ":where":
        return 0, 0, 0
    if simple.inner:
        return max(inner.specificity for inner in simple.inner)
    if " of " in simple.argument:
        raise UnknownSelectorError(simple.argument)
    return 0, 1, 0


def _sum(weights: list[Specificity]) -> Specificity:
    a, b, c = (sum(column) for column in zip(*weights, strict=True))
    return a, b, c
