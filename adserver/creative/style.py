"""Style sheets: without comments and spare room, and each size with the rules that matter to it."""

import re
from collections.abc import Iterator

_SIZE = r"\.s([0-9]+x[0-9]+|fluid)(?![\w-])"
_OF_ONE_SIZE = re.compile(rf"(?:body)?{_SIZE}")
_OF_SOME_SIZES = re.compile(rf"(?:body)?:(?:is|where)\((\s*{_SIZE}\s*(?:,\s*{_SIZE}\s*)*)\)")
# Around others of these, room may mean something: "a :hover", "calc(1px + 2px)".
_PUNCTUATION = re.compile(r"\s*([{};,])\s*")
_STRING = re.compile(r"""\"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_PIECES = re.compile(rf"(?P<string>{_STRING.pattern})|(?P<comment>/\*.*?\*/)", re.DOTALL)
_MARKS = re.compile(rf"[{{}};,()]|{_STRING.pattern}", re.DOTALL)
_HOLDS_RULES = ("@media", "@supports", "@container", "@layer", "@scope", "@starting-style")


def tightened(css: str) -> str:
    """The same without comments and without room that means nothing; strings stay as they are."""
    bare = _PIECES.sub(lambda piece: " " if piece["comment"] else piece[0], css)
    parts, end = [], 0
    for string in _STRING.finditer(bare):
        parts += [_tight(bare[end : string.start()]), string[0]]
        end = string.end()
    return "".join((*parts, _tight(bare[end:]))).strip()


def for_size(css: str, size: str) -> str:
    """A tightened style sheet without the selectors, rules and blocks that are for other sizes only.

    A selector is of one size where it begins with the size's class (``.s300x250 .tile``), or of some with
    ``:is(.s300x250, .s336x280) .tile``.
    """
    kept = []
    for prelude, body in blocks(css):
        if body is None:
            kept.append(prelude)
        elif prelude.startswith(_HOLDS_RULES):
            inner = for_size(body, size)
            kept += [f"{prelude}{{{inner}}}"] if inner else []
        elif prelude.startswith("@"):
            kept.append(f"{prelude}{{{body}}}")
        else:
            selectors = [selector for selector in _split(prelude) if _matters(selector, size)]
            kept += [f"{','.join(selectors)}{{{body}}}"] if selectors and body else []
    return "".join(kept)


def _matters(selector: str, size: str) -> bool:
    one = _OF_ONE_SIZE.match(selector)
    if one:
        return one[1] == size
    some = _OF_SOME_SIZES.match(selector)
    return not some or size in re.findall(_SIZE, some[1])


def blocks(css: str) -> Iterator[tuple[str, str | None]]:
    """Each ``prelude{body}`` of the outermost level; a statement (``@import ...;``) has no body."""
    depth = start = opened = 0
    for mark in _MARKS.finditer(css):
        if mark[0] == "{":
            depth += 1
            opened = mark.start() if depth == 1 else opened
        elif mark[0] == "}":
            depth -= 1
            if depth <= 0:
                yield css[start:opened].strip(), css[opened + 1 : mark.start()]
                start, depth = mark.end(), 0
        elif mark[0] == ";" and not depth:
            yield css[start : mark.end()].strip(), None
            start = mark.end()


def is_whole(css: str) -> bool:
    """Whether every block that is opened is closed."""
    depth = 0
    for mark in _MARKS.finditer(css):
        depth += (mark[0] == "{") - (mark[0] == "}")
        if depth < 0:
            return False
    return depth == 0


def _split(selectors: str) -> Iterator[str]:
    """At commas that stand in no brackets."""
    depth = start = 0
    for mark in _MARKS.finditer(selectors):
        depth += (mark[0] == "(") - (mark[0] == ")")
        if mark[0] == "," and not depth:
            yield selectors[start : mark.start()].strip()
            start = mark.end()
    yield selectors[start:].strip()


def _tight(css: str) -> str:
    # Before a colon it may mean something, "a :hover"; behind one it stands in declarations and conditions only.
    return _PUNCTUATION.sub(r"\1", re.sub(r"\s+", " ", css)).replace(": ", ":")
