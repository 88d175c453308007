"""The style sheet of one size, cut to what can matter in one banner.

What a browser makes of it stays the same: a rule is left out where it can reach nothing or is overridden wherever it
reaches, an ancestor is left out of a selector where every element in question stands in it, and a custom property that
has one value is written in its place. Where a selector gets lighter by that, and something lighter would win over it,
it is made as heavy as it has to be.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from adserver.creative.declarations import SHORTHANDS_OF, Declaration, declarations_of
from adserver.creative.outline import Element
from adserver.creative.reach import Elements, Reach
from adserver.creative.selector import Selector, UnknownSelectorError, selector_of, split_selectors
from adserver.creative.style import blocks

_NAMED = re.compile(r"--[\w-]+")
_GIVEN = re.compile(r"(--[\w-]+)(?=\s*[:{])")
_ASKED = re.compile(r"var\(\s*(--[\w-]+)")
_VAR = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,((?:[^()]|\((?:[^()]|\([^()]*\))*\))*))?\)")
_AROUND = ("@media", "@supports")
_STATEMENTS = ("@font-face", "@keyframes", "@property")
_NO_VALUES = frozenset(("", "initial", "inherit", "unset", "revert", "revert-layer"))
_STILL = {"animation": "none", "transition": "none", "scroll-behavior": "auto"}


class _Rule:
    __slots__ = ("around", "declarations", "number", "reached")

    def __init__(
        self, number: int, around: tuple[str, ...], reached: list[Reach], declarations: list[Declaration]
    ) -> None:
        self.number, self.around, self.reached, self.declarations = number, around, reached, declarations

    @property
    def families(self) -> set[str]:
        return {said.family for said in self.declarations}


_Read = tuple[tuple[str, ...], tuple[Selector, ...], tuple[Declaration, ...]]


class Sheet:
    """``css``: tightened, without the rules of other sizes."""

    def __init__(self, css: str) -> None:
        self._css = css
        self._statements: list[str] = []
        self._rules: list[_Read] = []
        try:
            self._read(css, ())
            self._is_read = True
        except UnknownSelectorError:
            self._is_read = False

    def cut(self, outline: Sequence[Element], told: Collection[str] = ()) -> str:
        """What matters to a banner with such elements; ``told``: custom properties that ``:root`` has before it."""
        if not self._is_read or not outline:
            return self._css
        try:
            return self._cut(outline, set(told))
        except UnknownSelectorError:
            return self._css

    def _cut(self, outline: Sequence[Element], told: set[str]) -> str:
        elements = Elements(outline)
        rules = [
            _Rule(number, around, reached, list(declarations))
            for number, (around, selectors, declarations) in enumerate(self._rules)
            if (reached := [reach for selector in selectors if (reach := Reach(selector, number, elements)).may])
        ]
        _drop_overridden(rules)
        rules = _without_hidden(rules)
        statements = _used(rules, _filled_in(rules, self._statements, told, elements))
        _drop_still(rules)
        rules = [rule for rule in rules if rule.declarations]
        _weigh(rules)
        return "".join((*statements, *_together(_merged(rules))))

    def _read(self, css: str, around: tuple[str, ...]) -> None:
        for prelude, body in blocks(css):
            if body is None:
                raise UnknownSelectorError(prelude)
            if prelude.startswith(_AROUND):
                self._read(body, (*around, _tight_condition(prelude)))
            elif prelude.startswith(_STATEMENTS) and not around:
                self._statements.append(_tight_statement(prelude, body))
            elif prelude.startswith("@") or "{" in body:
                raise UnknownSelectorError(prelude)
            elif declarations := declarations_of(body):
                if any(said.name == "all" for said in declarations):
                    raise UnknownSelectorError("all")
                self._rules.append((around, tuple(map(selector_of, split_selectors(prelude))), declarations))


def _drop_overridden(rules: list[_Rule]) -> None:
    """Declarations that another one overrides wherever they are said; selectors all of whose declarations are."""
    saying: dict[str, list[tuple[_Rule, Reach]]] = {}
    for rule in rules:
        for said in rule.declarations:
            if not said.important and not said.is_recent:
                saying.setdefault(said.name, []).extend([(rule, reach) for reach in rule.reached])

    def is_overridden(rule: _Rule, reach: Reach, said: Declaration) -> bool:
        for name in (said.name, *SHORTHANDS_OF.get(said.name, ())):
            for other, theirs in saying.get(name, ()):
                if (
                    theirs.rank > reach.rank
                    and other is not rule
                    and (not other.around or other.around == rule.around)
                    and theirs.covers(reach)
                ):
                    return not said.important
        return False

    for rule in rules:
        over = [[is_overridden(rule, reach, said) for said in rule.declarations] for reach in rule.reached]
        kept = [place for place, row in enumerate(over) if not all(row)]
        rule.reached = [rule.reached[place] for place in kept]
        rule.declarations = [
            said for column, said in enumerate(rule.declarations) if any(not over[place][column] for place in kept)
        ]


def _without_hidden(rules: list[_Rule]) -> list[_Rule]:
    """Nothing but that of elements that are never shown."""
    shown = [
        (rule, reach, said)
        for rule in rules
        for said in rule.declarations
        if said.name == "display"
        for reach in rule.reached
        if not reach.part
    ]
    hidden = 0
    for rule, reach, said in shown:
        if said.value == "none" and reach.surely and not rule.around:
            found = reach.surely
            for _, theirs, its in shown:
                if its.important or theirs.rank > reach.rank:
                    found &= ~theirs.may
            hidden |= found
    for rule in rules:
        hides = [said for said in rule.declarations if said.name == "display" and said.value == "none"]
        seen = [reach for reach in rule.reached if reach.may & ~hidden]
        if not hides:
            rule.reached = seen
        elif not seen:
            rule.declarations = hides
    return [rule for rule in rules if rule.reached]


def _filled_in(rules: list[_Rule], statements: list[str], told: set[str], elements: Elements) -> list[str]:
    """Custom properties that have one value, in their places; those that nobody asks for are dropped."""
    moved = {name for statement in statements for name in _GIVEN.findall(statement)}
    while True:
        given: dict[str, list[tuple[_Rule, Declaration]]] = {}
        asking: list[tuple[_Rule, int, Declaration]] = []
        for rule in rules:
            for place, said in enumerate(rule.declarations):
                if said.name.startswith("--"):
                    given.setdefault(said.name, []).append((rule, said))
                if "var(" in said.value:
                    asking.append((rule, place, said))
        values = {
            name: sayings[0][1].value
            for name, sayings in given.items()
            if len(sayings) == 1
            and name not in told | moved
            and not _NAMED.search(sayings[0][1].value)
            and _is_for_all(*sayings[0], asking, elements)
        }
        before = len(values), [said.value for _, _, said in asking]
        fill = _Filling(values, told | moved | given.keys())
        for rule, place, said in asking:
            rule.declarations[place] = said._replace(value=fill(said.value))
        statements = [fill(statement) for statement in statements]
        asked = {name for rule, place, _ in asking for name in _NAMED.findall(rule.declarations[place].value)}
        asked.update(name for statement in statements for name in _ASKED.findall(statement))
        for rule in rules:
            rule.declarations = [
                said for said in rule.declarations if said.name not in given or said.name in asked | moved
            ]
        if not values or before == (0, [said.value for _, _, said in asking]):
            return statements


class _Filling:
    """Writes values where names are asked for, and what stands in for those that nobody has given."""

    def __init__(self, values: dict[str, str], known: set[str]) -> None:
        self._values, self._known = values, known

    def __call__(self, text: str) -> str:
        found = _VAR.sub(self._instead, text) if "var(" in text else text
        if self._values and not self._values.keys().isdisjoint(_ASKED.findall(found)):
            raise UnknownSelectorError(text)
        return found

    def _instead(self, found: re.Match[str]) -> str:
        name, otherwise = found[1], found[2]
        if name in self._values:
            return self._values[name]
        if otherwise is None:
            return found[0]
        return f"var({name},{self(otherwise)})" if name in self._known else self(otherwise.strip())


def _is_for_all(
    rule: _Rule, said: Declaration, asking: list[tuple[_Rule, int, Declaration]], elements: Elements
) -> bool:
    """Whether it is given at the root, and only what is inside asks for it."""
    if rule.around or len(rule.reached) > 1 or said.value in _NO_VALUES or said.important:
        return False
    root = rule.reached[0]
    if root.part or root.may != root.surely or root.may not in (elements.html, elements.body):
        return False
    return root.may == elements.html or not any(
        reach.may & elements.html for other, _, its in asking if said.name in its.value for reach in other.reached
    )


def _used(rules: list[_Rule], statements: list[str]) -> list[str]:
    """Animations and typed properties that are asked for; fonts."""
    said = " ".join([said.value for rule in rules for said in rule.declarations if said.family == "animation"])
    words = set(re.findall(r"[\w-]+", said))
    kept = [one for one in statements if not one.startswith("@keyframes") or one[11:].partition("{")[0] in words]
    text = " ".join([*kept, *(f"{said.name}:{said.value}" for rule in rules for said in rule.declarations)])
    return [one for one in kept if not one.startswith("@property") or text.count(one[10:].partition("{")[0]) > 1]


def _drop_still(rules: list[_Rule]) -> None:
    """What only stops what is not there."""
    for name, value in _STILL.items():
        sayings = [said for rule in rules for said in rule.declarations if said.name.startswith(name)]
        if all(said.name == name and said.value.partition("!")[0] == value for said in sayings):
            for rule in rules:
                rule.declarations = [said for said in rule.declarations if said.name != name]


def _weigh(rules: list[_Rule]) -> None:
    """As each selector has won over others so far, it shall."""
    saying: dict[str, list[Reach]] = {}
    for reach, families in sorted(
        [(reach, rule.families) for rule in rules for reach in rule.reached], key=lambda one: one[0].rank
    ):
        number = reach.rank[1]
        for family in families:
            for other in saying.setdefault(family, []):
                if other.heavy >= reach.heavy and other.rank[1] != number and other.meets(reach):
                    while reach.heavy < other.heavy or (reach.heavy == other.heavy and other.rank[1] > number):
                        if reach.is_above_all:
                            raise UnknownSelectorError(reach.text)
                        reach.heavy = (reach.heavy[0], reach.heavy[1] + 1, reach.heavy[2])
            saying[family].append(reach)


def _merged(rules: list[_Rule]) -> list[_Rule]:
    """Rules with the same selectors as one, where nothing in between has a say."""
    kept: list[tuple[list[str], set[str], _Rule]] = []
    for rule in rules:
        families = rule.families
        names = [reach.written for reach in rule.reached]
        for others, theirs, other in reversed(kept):
            if others == names and other.around == rule.around:
                mine = {said.name for said in rule.declarations if not said.is_recent}
                other.declarations = [
                    said for said in other.declarations if said.name not in mine or said.important
                ] + rule.declarations
                theirs.update(families)
                break
            if not theirs.isdisjoint(families) and _contend(other, rule):
                kept.append((names, families, rule))
                break
        else:
            kept.append((names, families, rule))
    return [rule for _, _, rule in kept]


def _contend(one: _Rule, two: _Rule) -> bool:
    return any(mine.heavy == theirs.heavy and mine.meets(theirs) for mine in one.reached for theirs in two.reached)


def _together(rules: list[_Rule]) -> Iterator[str]:
    """As text; what stands in the same conditions in one block."""
    around: tuple[str, ...] = ()
    for rule in rules:
        if rule.around != around:
            shared = 0
            while rule.around[: shared + 1] == around[: shared + 1] and shared < min(len(around), len(rule.around)):
                shared += 1
            yield "}" * (len(around) - shared) + "".join(f"{one}{{" for one in rule.around[shared:])
            around = rule.around
        names = ",".join(dict.fromkeys(reach.written for reach in rule.reached))
        yield f"{names}{{{';'.join([f'{said.name}:{said.value}' for said in rule.declarations])}}}"
    yield "}" * len(around)


def _tight_condition(prelude: str) -> str:
    return re.sub(r"^(@\w+) \(", r"\1(", prelude)


def _tight_statement(prelude: str, body: str) -> str:
    if "{" not in body:
        return f"{prelude}{{{';'.join([f'{said.name}:{said.value}' for said in declarations_of(body)])}}}"
    inner = "".join([_tight_statement(step.replace("100%", "to"), said or "") for step, said in blocks(body)])
    return f"{prelude}{{{inner}}}"
