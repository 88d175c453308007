"""A style sheet as rules: selectors, declarations, and what stands around them."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?(?:\*/|\Z))|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<open>[(\[])|(?P<close>[)\]])|(?P<mark>[{};])""",
    re.DOTALL,
)
_IMPORTANT = re.compile(r"\s*!\s*important\s*$", re.IGNORECASE)


class Declaration(NamedTuple):
    """``name`` in lower case, but custom properties as they are. ``line`` counts from 1."""

    name: str
    value: str
    important: bool
    line: int


class Rule(NamedTuple):
    """``prelude``: the selectors, or an at-rule such as ``@font-face``. ``around``: the preludes of the blocks it
    stands in, the outermost first."""

    prelude: str
    around: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    line: int

    @property
    def conditions(self) -> tuple[str, ...]:
        """The ``@media`` conditions around it."""
        return tuple(one[len("@media") :].strip() for one in self.around if one.lower().startswith("@media"))


class _Open:
    def __init__(self, prelude: str, line: int) -> None:
        self.prelude, self.line = prelude, line
        self.declarations: list[Declaration] = []


def rules_of(css: str) -> list[Rule]:
    """In the order in which they begin, at-rules without a block (``@import``) too; never raises."""
    reading = _Reading(css)
    for token in _TOKEN.finditer(css):
        reading.take(token)
    reading.finish()
    return [rule for _, rule in sorted(reading.rules, key=lambda numbered: numbered[0])]


class _Reading:
    def __init__(self, css: str) -> None:
        self.rules: list[tuple[int, Rule]] = []
        self._css = css
        self._stack: list[tuple[int, _Open]] = []
        self._text: list[str] = []
        self._end = self._depth = self._begun = 0
        self._line = 1
        self._text_line = 0

    def take(self, token: re.Match[str]) -> None:
        self._say(self._css[self._end : token.start()])
        self._end = token.end()
        if token["comment"] is not None:
            self._say(" ", counts=False)
        elif token["mark"] is None or (self._depth and token["mark"] == ";"):
            self._depth = max(0, self._depth + (token["open"] is not None) - (token["close"] is not None))
            self._say(token[0], counts=False)
        else:
            self._depth = 0
            self._mark(token["mark"])
        self._line += token[0].count("\n")

    def finish(self) -> None:
        self._say(self._css[self._end :])
        self._mark(";")
        while self._stack:
            self._close()

    def _say(self, text: str, *, counts: bool = True) -> None:
        if not self._text_line and text.strip():
            self._text_line = self._line + text[: len(text) - len(text.lstrip())].count("\n")
        self._text.append(text)
        if counts:
            self._line += text.count("\n")

    def _said(self) -> tuple[str, int]:
        text, line = " ".join("".join(self._text).split()), self._text_line or self._line
        self._text, self._text_line = [], 0
        return text, line

    def _mark(self, mark: str) -> None:
        text, line = self._said()
        if mark == "{":
            self._stack.append((self._begun, _Open(text, line)))
            self._begun += 1
            return
        if text and self._stack:
            self._declare(text, line)
        elif text:
            self.rules.append((self._begun, Rule(text, (), (), line)))
            self._begun += 1
        if mark == "}" and self._stack:
            self._close()

    def _declare(self, text: str, line: int) -> None:
        name, colon, value = text.partition(":")
        if colon:
            name = name.strip()
            plain = _IMPORTANT.sub("", value)
            self._stack[-1][1].declarations.append(
                Declaration(name if name.startswith("--") else name.lower(), plain.strip(), plain != value, line)
            )

    def _close(self) -> None:
        number, closed = self._stack.pop()
        around = tuple(outer.prelude for _, outer in self._stack)
        self.rules.append((number, Rule(closed.prelude, around, tuple(closed.declarations), closed.line)))
