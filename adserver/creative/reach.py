"""Which elements of a banner a selector may reach, and which it reaches whatever happens: as bits, one an element."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from adserver.creative.outline import ANY, Element
from adserver.creative.selector import Compound, Selector, Simple, Specificity, selector_of

_HEAVIER = ":root"
_DIRECTION = re.compile(r"""\[\s*dir\s*=\s*["']?([\w-]+)["']?\s*\]""")


class Bits(NamedTuple):
    """Elements that may be meant, and those that surely are."""

    may: int
    surely: int


class Elements:
    """The elements of a banner, ready to be asked for."""

    def __init__(self, outline: Sequence[Element]) -> None:
        self.all = (1 << len(outline)) - 1
        self.products = _bits(element.of_product for element in outline)
        self.html = _bits(element.tag == "html" for element in outline)
        self.body = _bits(element.tag == "body" for element in outline)
        self.world = frozenset().union(*[element.world for element in outline])
        self._outline = outline
        self._wild = [(1 << number, element.wild) for number, element in enumerate(outline) if element.wild]
        self._above = [reduce(or_, [1 << place for place in one.above if place >= 0], 0) for one in outline]
        self._parent = [1 << one.above[-1] if one.above and one.above[-1] >= 0 else 0 for one in outline]
        self._names: dict[str, int] = {}
        for number, element in enumerate(outline):
            for name in (element.tag, *(f".{name}" for name in element.classes)):
                self._names[name] = self._names.get(name, 0) | 1 << number
        self._known: dict[Compound, Bits] = {}

    def of(self, compound: Compound) -> Bits:
        """Pseudo-elements are left to the caller."""
        found = self._known.get(compound)
        if found is None:
            may = surely = self.all
            for simple in compound.simples:
                if simple.kind != "element":
                    bits = self._of_simple(simple)
                    may, surely = may & bits.may, surely & bits.surely
            found = self._known[compound] = Bits(may, surely)
        return found

    def inside(self, mask: int, outer: int) -> int:
        """Those that may stand in one of the outer ones. Where elements of a product stand in it is not known."""
        kept = mask & self.products if outer & self.products else 0
        for number in _numbers(mask & ~kept):
            if self._above[number] & outer:
                kept |= 1 << number
        return kept

    def stand_in(self, mask: int, outer: int, *, as_children: bool) -> bool:
        """Whether all of them stand in one of the outer ones, whatever happens."""
        if as_children:
            return not mask & self.products and all(self._parent[number] & outer for number in _numbers(mask))
        return all(self._above[number] & outer for number in _numbers(mask))

    def _of_simple(self, simple: Simple) -> Bits:
        match simple.kind:
            case "class":
                return self._named(simple.text)
            case "type":
                return self._named(simple.text.lower())  # as the parser of the outline gives them
            case "attribute":
                said = _DIRECTION.fullmatch(simple.text)
                # Others may come and go, as "open" does.
                so = _bits(said and element.direction.lower() == said[1].lower() for element in self._outline)
                return Bits(so, so) if said else Bits(self.all, 0)
        match simple.text:
            case ":root":
                return Bits(self.html, self.html)
            case ":is" | ":where":
                return self._any(simple.inner)
            case ":not":
                found = self._any(simple.inner)
                return Bits(self.all & ~found.surely, self.all & ~found.may)
            case ":has":
                is_there = ANY in self.world or any(_classes(inner) <= self.world for inner in simple.inner)
                return Bits(self.all if is_there else 0, 0)
        return Bits(self.all, 0)

    def _named(self, text: str) -> Bits:
        if text == "*":
            return Bits(self.all, self.all)
        surely = self._names.get(text, 0)
        name = text.removeprefix(".")
        return Bits(surely | _sum(bit for bit, wild in self._wild if name in wild or ANY in wild), surely)

    def _any(self, selectors: Sequence[Selector]) -> Bits:
        found = [self.of(one.compounds[0]) if len(one.compounds) == 1 else Bits(self.all, 0) for one in selectors]
        return Bits(_sum(one.may for one in found), _sum(one.surely for one in found))


class Reach:
    """One selector of a rule in one banner. ``rank``: what it wins by; ``heavy``: how heavy it has to be written.

    Ancestors that are around every element in question are left out.
    """

    __slots__ = ("compounds", "heavy", "is_above_all", "is_lone", "may", "part", "rank", "surely", "text", "weight")

    def __init__(self, selector: Selector, number: int, elements: Elements) -> None:
        self.rank = selector.specificity, number
        compounds = selector.compounds
        alone = [elements.of(compound) for compound in compounds]
        may = alone[0].may
        start = 0
        for place in range(1, len(compounds)):
            joined = compounds[place].joined
            inner = alone[place].may
            if not may:
                break
            if joined in " >":
                outer = alone[place - 1].surely
                is_given = start == place - 1 and elements.stand_in(inner, outer, as_children=joined == ">")
                start = place if is_given else start
                inner = elements.inside(inner, may)
            may = inner
        self.compounds = compounds[start:]
        self.may = may
        self.is_lone = len(self.compounds) == 1
        self.surely = alone[-1].surely if self.is_lone else 0
        self.part = compounds[-1].pseudo_element
        self.text = self.compounds[0].text + "".join([part.joined + part.text for part in self.compounds[1:]])
        if may == self.surely == elements.body and not self.part:
            self.text = "body"
        self.weight: Specificity = selector_of(self.text).specificity
        self.heavy = self.weight
        self.is_above_all = bool(alone[start].may & elements.html)

    def covers(self, other: "Reach") -> bool:
        """Whether it reaches all that the other may."""
        if self.part != other.part:
            return False
        if self.text == other.text or (self.surely and not other.may & ~self.surely):
            return True
        theirs = other.compounds[-1].simples
        return self.is_lone and all(simple in theirs for simple in self.compounds[0].simples)

    def meets(self, other: "Reach") -> bool:
        """Whether there may be an element that both reach."""
        return self.part == other.part and bool(self.may & other.may)

    @property
    def written(self) -> str:
        """As heavy as it has to be."""
        more = self.heavy[1] - self.weight[1]
        return f"{_HEAVIER * more} {self.text}" if more > 0 else self.text


def _bits(answers: Iterable[object]) -> int:
    return _sum(1 << number for number, answer in enumerate(answers) if answer)


def _sum(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def _numbers(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _classes(selector: Selector) -> frozenset[str]:
    """Those without which it reaches nothing."""
    return frozenset(
        [simple.text[1:] for part in selector.compounds for simple in part.simples if simple.kind == "class"]
    )
