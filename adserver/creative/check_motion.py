"""What moves: for how long, by which properties, and whether it stops for who asked for less of it."""

import re
from collections.abc import Iterator, Mapping

from adserver.creative.arithmetic import Arithmetic
from adserver.creative.flaw import Flaw, error, note, warning
from adserver.creative.options import Option, OptionType
from adserver.creative.style_rules import Declaration, Rule, rules_of

LONGEST_S = 30.0
"""Seconds that a banner may move."""

_FILE = "banner.css"
_LAYOUT = re.compile(
    r"(?:min-|max-)?(?:width|height|inline-size|block-size)|top|left|right|bottom|inset.*|margin.*|padding.*|border-.*width|"
    r"font-size|line-height|letter-spacing|flex.*|grid-.*|gap|position|display"
)
_TERM = re.compile(r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+))(?P<unit>ms|s)?|(?P<mark>[-+*/()]))")
_VAR = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,\s*([^()]*))?\)")
_FUNCTION = re.compile(r"(?:cubic-bezier|steps|linear)\([^()]*\)")
_MOVES = frozenset({"animation", "animation-duration", "animation-delay", "animation-iteration-count"})


def motion_flaws(css: str, options: Mapping[str, Option]) -> Iterator[Flaw]:
    """Of ``banner.css``; a variable counts as the largest number that it is given anywhere."""
    rules = rules_of(css)
    known = _largest(rules, options)
    for rule in rules:
        if _is_keyframe(rule):
            yield from _keyframe(rule)
            continue
        for declaration in rule.declarations:
            where = f"line {declaration.line}"
            name = declaration.name.removeprefix("-webkit-")
            if name.startswith(("animation", "transition")) and declaration.important:
                what = f"{name} with !important"
                yield error(_FILE, what, "none: it would move for who asked for less motion, too", where)
            if name in _MOVES and declaration.value != "none":
                yield from _animation(declaration, name, known, where)
            if name in ("transition", "transition-property"):
                yield from _transition(declaration, where)


def _is_keyframe(rule: Rule) -> bool:
    return any(outer.lower().startswith(("@keyframes", "@-webkit-keyframes")) for outer in rule.around)


def _keyframe(rule: Rule) -> Iterator[Flaw]:
    for declaration in rule.declarations:
        if _LAYOUT.fullmatch(declaration.name):
            yield warning(_FILE, f"animates {declaration.name}", _CHEAP, f"line {declaration.line}")


_CHEAP = "transform or opacity: anything else has the page laid out again with every frame"


def _transition(declaration: Declaration, where: str) -> Iterator[Flaw]:
    for part in declaration.value.split(","):
        moved = part.split()[0].lower() if part.split() else ""
        if moved == "all" or _LAYOUT.fullmatch(moved):
            yield warning(_FILE, f"a transition of {moved}", _CHEAP, where)


def _animation(declaration: Declaration, name: str, known: Mapping[str, float], where: str) -> Iterator[Flaw]:
    for part in _split(_FUNCTION.sub("", declaration.value)):
        if "infinite" in part.split():
            yield error(_FILE, "an animation without an end", f"one that ends within {LONGEST_S:g} s", where)
            continue
        seconds = _seconds(part, name, known)
        if seconds is None:
            yield note(_FILE, f"{name}: could not tell how long it takes", f"at most {LONGEST_S:g} s", where)
        elif seconds > LONGEST_S:
            yield error(_FILE, f"an animation of {seconds:g} s", f"at most {LONGEST_S:g} s, pauses counted in", where)


def _seconds(part: str, name: str, known: Mapping[str, float]) -> float | None:
    """Delay and all rounds of one animation; None where that is not to be told."""
    words = _split(part, " ")
    worked = [_worked_out(word, known) for word in words if word]
    times = [seconds for number in worked if number and number[1] for seconds in (number[0],)]
    counts = [number[0] for number in worked if number and not number[1]]
    unclear = any(
        number is None and re.search(r"calc\(|var\(", word) for number, word in zip(worked, words, strict=False)
    )
    if unclear:
        return None
    if name == "animation-iteration-count":
        return None if any(count > LONGEST_S for count in counts) else 0.0
    return (times[0] if times else 0.0) * max([1.0, *counts]) + max([0.0, *times[1:2]])


def _worked_out(word: str, known: Mapping[str, float]) -> tuple[float, bool] | None:
    """A number, and whether it is seconds; None for anything else."""
    for _ in range(4):
        word = _VAR.sub(lambda found: _number(found, known), word)
    tokens, end = [], 0
    text = word.replace("calc", "").strip()
    while end < len(text):
        term = _TERM.match(text, end)
        if not term or not text[end:].strip():
            return None
        tokens.append(term)
        end = term.end()
    timed = any(term["unit"] for term in tokens)
    worth = [_worth(term) for term in tokens]
    value = Arithmetic(worth).value()
    return None if value is None else (value, timed)


def _number(found: re.Match[str], known: Mapping[str, float]) -> str:
    if found[1] in known:
        return f"{known[found[1]]:f}"
    return (found[2] or "?").strip()


def _worth(term: re.Match[str]) -> str | float:
    if term["mark"]:
        return str(term["mark"])
    return float(term["number"]) / (1_000 if term["unit"] == "ms" else 1)


def _largest(rules: list[Rule], options: Mapping[str, Option]) -> dict[str, float]:
    """Of each custom property that is a plain number or time, in seconds."""
    known = {
        f"--{name.replace('_', '-')}": float(option.most)
        for name, option in options.items()
        if option.type is OptionType.NUMBER
    }
    for rule in rules:
        for name, value, _, _ in rule.declarations:
            plain = _worked_out(value, {}) if name.startswith("--") else None
            if plain:
                known[name] = max(known.get(name, plain[0]), plain[0])
    return known


def _split(text: str, mark: str = ",") -> list[str]:
    """At marks that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
