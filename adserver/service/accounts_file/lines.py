"""Where things stand: the line of every key."""

import re
import tomllib

from adserver.service.accounts_file.problem import KeyPath, dotted

_TOKEN = re.compile(
    r'''(?P<word> """(?:[^"\\]++|\\.|"(?!""))*+"{0,5} | \'\'\'(?:[^']++|'(?!''))*+'{0,5}
              | "(?:[^"\\\n]++|\\[^\n])*+"? | '[^'\n]*+'? | [A-Za-z0-9_-]++ )
      | (?P<comment> \#[^\n]*+ )
      | (?P<mark> [\[\]{}=,.\n] )''',
    re.VERBOSE | re.DOTALL,
)
DEEPEST = 8
"""Parts of a dotted key: more than any table of ours has."""

_DEEPEST_PLACE = 24
"""Parts of a place in nested arrays and tables: a rule in ten others. What is nested deeper is not told apart."""

_LONG_QUOTES = ('"""', "'''")


class Lines:
    """The line of every key. ``tomllib`` tells none, so the text is scanned again; broken TOML is fine."""

    def __init__(self, text: str) -> None:
        self.known: dict[KeyPath, int] = {}
        self._keys: list[tuple[int, KeyPath]] = []
        self._headers: list[tuple[int, KeyPath]] = [(0, ())]
        self._doubles: dict[KeyPath, int] = {}
        self._frames: list[tuple[KeyPath, int]] = []  # open arrays (index of the element), inline tables (-1)
        self._take = self._key
        self._parts: list[str] = []
        self._doubled = False
        self._dots = 0  # of the key that is being read
        self.too_deep: tuple[int, KeyPath] | None = None
        self._target: KeyPath = ()  # of the value that is being read
        self._line = 1
        position = 0
        for token in _TOKEN.finditer(text):
            self._line += text.count("\n", position, token.start())
            position = token.start()
            if token.group() == "\n":
                self._end_line()
            elif token.lastgroup != "comment":
                self._take(token.group(), token.lastgroup == "word")
        self._end_line()
        self.count = self._line + text.count("\n", position)
        implied: dict[KeyPath, int] = {}
        for path, line in self.known.items():
            for length in range(1, len(path)):
                implied.setdefault(path[:length], line)
        self.known = implied | self.known

    def of(self, path: KeyPath) -> int:
        """The line of a key; of the table around it when the key itself is not there."""
        while path and path not in self.known:
            path = path[:-1]
        return self.known.get(path, 1)

    def key_at(self, line: int) -> str:
        """The key that is written on a line, or else the table that the line belongs to."""
        here = [path for at, path in self._keys if at == line]
        before = [path for at, path in self._headers if at <= line]
        return dotted((here or before)[-1]) or "the file"

    def _note(self, path: KeyPath) -> None:
        self.known.setdefault(path, self._line)
        self._keys.append((self._line, path))

    def _end_line(self) -> None:
        if self._frames:
            return
        if self._parts and self._take == self._header:  # without its end
            self._note(tuple(self._parts))
        elif self._parts:  # a key without its value
            self._note((*self._headers[-1][1], self._parts[0]))
        self._take, self._parts = self._key, []

    def _header(self, mark: str, word: bool) -> None:
        if word:
            self._add_part(mark)
        elif mark == ".":
            self._dots += 1
        elif mark == "[":
            self._doubled = True
        elif mark == "]":
            path = tuple(self._parts)
            if self._doubled:
                self._doubles[path] = self._doubles.get(path, -1) + 1
                path = (*path, str(self._doubles[path]))
            self._headers.append((self._line, path))
            self._note(path)
            self._take, self._parts = self._value, []

    def _key(self, mark: str, word: bool) -> None:
        if word:
            self._add_part(mark)
        elif mark == ".":
            self._dots += 1
        elif mark == "=":
            around = self._frames[-1][0] if self._frames else self._headers[-1][1]
            self._target = (*around, *self._parts)[:_DEEPEST_PLACE]
            self._note(self._target)
            self._take, self._parts = self._value, []
        elif mark == "[" and not self._frames:
            self._take, self._doubled = self._header, False
        elif mark == "}" and self._frames:
            self._frames.pop()
            self._take, self._parts = self._value, []

    def _value(self, mark: str, word: bool) -> None:
        path, index = self._frames[-1] if self._frames else (self._target, -1)
        target = self._target
        if index >= 0:
            target = (*path, str(index))[:_DEEPEST_PLACE]
            if word or mark in "[{":
                self.known.setdefault(target, self._line)
        if mark == "{":
            self._frames.append((target, -1))
            self._take = self._key
        elif mark == "[":
            self._frames.append((target, 0))
        elif mark in {"]", "}"} and self._frames:
            self._frames.pop()
        elif mark == "," and self._frames:
            if index < 0:
                self._take = self._key
            else:
                self._frames[-1] = (path, index + 1)

    def _add_part(self, token: str) -> None:
        if not self._parts:
            self._dots = 0
        if len(self._parts) < DEEPEST:
            self._parts.append(_unquoted(token))
        elif self._dots >= DEEPEST and self.too_deep is None:
            self.too_deep = (self._line, tuple(self._parts))


def _unquoted(token: str) -> str:
    if token[0] not in "\"'":
        return token
    if "\\" not in token and len(token) > 1 and token[0] == token[-1] and token[:3] not in _LONG_QUOTES:
        return token[1:-1]
    try:
        return str(tomllib.loads(f"key = {token}")["key"])
    except ValueError:
        return token
