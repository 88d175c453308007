"""Where the items of a JSON feed begin and end, found by counting the brackets outside of its texts."""

import re
from collections.abc import Iterator

from adserver.catalog.problem import FeedError
from adserver.catalog.source import TextSource

ITEM_CHARACTERS = 1_048_576
"""Largest item, and the most that may stand between two."""

DEPTH = 50
"""Deepest nesting inside of an item."""

LISTS = frozenset(
    {"products", "product", "items", "item", "offers", "entries", "entry", "data", "results", "resources"}
) | {
    "rows",
    "records",
    "catalog",
    "feed",
    "articles",
}
"""Names under which the array of products stands, in lower case."""

FIX = "Have the export write strict JSON: an array of objects, or one object per line."

_NOISE = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_NAME_BEFORE = re.compile(r'"((?:[^"\\]|\\.){1,40})"\s*:\s*$')
_BLANKS = re.compile(r"[\s,]*")


def list_begin(head: str) -> tuple[int, int] | None:
    """Behind the bracket that begins the array of products, and how many objects it stands in; None where none does."""
    at = objects = 0
    while (at := _end_of_noise(head, at)) < len(head) and head[at] != '"':
        bracket = head[at]
        objects += {"{": 1, "}": -1}.get(bracket, 0)
        if bracket == "[":
            name = _NAME_BEFORE.search(head, max(0, at - 64), at)
            if not objects or (name is not None and name[1].lower() in LISTS):
                return at + 1, objects
            at = _end_of_list(head, at)
        at += 1
        if not objects:
            return None
    return None


def _end_of_noise(text: str, at: int) -> int:
    match = _NOISE.match(text, at)
    return match.end() if match else at


def _end_of_list(head: str, at: int) -> int:
    """The bracket that ends the list which begins at ``at``, or the last character."""
    depth = 0
    while at < len(head):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(head[at], 0)
        if not depth or head[at] == '"':
            return at
        at = _end_of_noise(head, at + 1)
    return at


class Splitter:
    """Cuts the text of a feed into its items. What lies before ``_begin`` is done with; ``_at`` is looked at next."""

    def __init__(self, source: TextSource) -> None:
        self._blocks = source.blocks()
        self._text = next(self._blocks)
        self._begin = 0
        self._at = 0
        self._line = 1

    def items(self) -> Iterator[tuple[int, str]]:
        """Each item with the line at which it begins. Raises ``FeedError`` where the brackets do not match."""
        begin = list_begin(self._text)
        if begin is not None:
            self._at = begin[0]
            self._take(self._at)
        while bracket := self._bracket():
            self._refuse_noise(self._take(self._at - 1))
            if bracket in "{[":
                line = self._line
                self._to_end_of_item()
                yield line, self._take(self._at)
            elif begin is None:
                raise _broken(self._line, "a bracket that was never opened")
            else:
                self._to_end(begin[1])
                return
        if begin is not None:
            raise cut_off(self._line)
        self._refuse_noise(self._take(len(self._text)))

    def _bracket(self) -> str:
        """The next bracket, and ``_at`` behind it; empty at the end of the feed."""
        while True:
            self._at = at = _end_of_noise(self._text, self._at)
            if at < len(self._text) and self._text[at] != '"':
                self._at += 1
                return self._text[at]
            block = next(self._blocks, "")
            if not block:
                return ""
            if len(self._text) - self._begin > ITEM_CHARACTERS:
                raise too_large(self._line)
            self._text = self._text[self._begin :] + block
            self._at -= self._begin
            self._begin = 0

    def _take(self, end: int) -> str:
        """What stands before ``end``, done with now."""
        text = self._text[self._begin : end]
        self._line += text.count("\n")
        self._begin = end
        return text

    def _to_end_of_item(self) -> None:
        depth = 1
        while depth:
            bracket = self._bracket()
            if not bracket:
                raise cut_off(self._line)
            depth += 1 if bracket in "{[" else -1
            if depth > DEPTH:
                raise _broken(self._line, f"brackets nested more than {DEPTH} deep")

    def _to_end(self, objects: int) -> None:
        """Past the other members of the objects around the list, to the end of the feed."""
        self._take(self._at)
        while objects:
            bracket = self._bracket()
            if not bracket:
                raise cut_off(self._line)
            if bracket in "{[":
                self._to_end_of_item()
            else:
                objects -= 1
            self._take(self._at)
        self._bracket()
        self._refuse_noise(self._take(len(self._text)))

    def _refuse_noise(self, between: str) -> None:
        """Between items there are blanks and commas."""
        if _BLANKS.fullmatch(between) is None:
            raise _broken(self._line, f"{between.strip()[:20]} where an object is expected")


def _broken(line: int, why: str) -> FeedError:
    return FeedError(f"line {line}: {why}; expected an array of products in JSON", code="json_broken", fix=FIX)


def cut_off(line: int) -> FeedError:
    """The feed without its end."""
    return FeedError(
        f"line {line}: the JSON ends too early; expected all of it",
        code="feed_cut_off",
        fix="Make and send the file again: its end is missing.",
    )


def too_large(line: int) -> FeedError:
    """The item that is too large to be one."""
    return FeedError(
        f"line {line}: an item of more than {ITEM_CHARACTERS:,} characters; expected one JSON object per product",
        code="json_item_too_large",
        fix=FIX,
    )
