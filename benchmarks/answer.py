"""Just enough of HTTP/1.1 (RFC 9112) to know where an answer ends and what kind it is, at a few operations per answer.

A server says the same head again and again (the date changes once a second, lengths are few), so a head is parsed once
and then known by its bytes.
"""

from collections.abc import Callable
from typing import NamedTuple

BLANK = b"\r\n\r\n"
CONNECTION_LOST = "connection lost"
NO_ANSWER = "no answer"

_REASON = b"x-adserver-reason"
_BODILESS = (204, 304)
_MOST_HEADS = 10_000
"""Heads kept by their bytes; with the date in them they are all new every second."""


class Kind(NamedTuple):
    """What an answer was. ``label`` names the request; ``status`` is 0 where none came, and ``reason`` says why;
    else ``reason`` is the X-Adserver-Reason, or empty."""

    label: str
    status: int
    reason: str
    body_bytes: int

    def __str__(self) -> str:
        return " ".join(filter(None, (self.label, str(self.status or ""), self.reason)))


class BadAnswerError(Exception):
    """What came is no answer that can be measured; the text says why."""


class Kinds:
    """Small numbers for kinds, the same for all requests of one run."""

    def __init__(self) -> None:
        self.known: list[Kind] = []
        self._numbers: dict[Kind, int] = {}

    def number(self, kind: Kind) -> int:
        """The place of ``kind`` in ``known``."""
        found = self._numbers.get(kind)
        if found is None:
            found = self._numbers[kind] = len(self.known)
            self.known.append(kind)
        return found


class Answers:
    """The answers to all requests of one label. ``take`` hears of every whole answer where it is given."""

    __slots__ = ("heads", "kinds", "label", "take")

    def __init__(self, label: str, kinds: Kinds, take: Callable[[bytes], None] | None = None) -> None:
        self.label = label
        self.kinds = kinds
        self.take = take
        self.heads: dict[bytes, tuple[int, int]] = {}
        """Bytes before the blank line -> bytes of the whole answer, number of its kind; none that end a connection."""

    def learn(self, data: bytes) -> tuple[int, int] | None:
        """Size and kind of the answer ``data`` begins with; None while its head is not whole. Raises BadAnswerError."""
        end = data.find(BLANK)
        if end < 0:
            return None
        head = data[:end]
        status, body = _status(head), _body_bytes(head)
        found = end + len(BLANK) + body, self.kinds.number(Kind(self.label, status, reason_of(head), body))
        if len(self.heads) >= _MOST_HEADS:
            self.heads.clear()
        if not is_last(head):
            self.heads[head] = found
        return found


def values(head: bytes, name: bytes) -> list[bytes]:
    """All values of the header called ``name`` (lower-case) in the head of an answer."""
    lines = (line.partition(b":") for line in head.split(BLANK, 1)[0].split(b"\r\n")[1:])
    return [value.strip() for key, _, value in lines if key.lower() == name]


def is_last(head: bytes) -> bool:
    """Whether the server ends the connection with this answer."""
    return b"close" in (value.lower() for value in values(head, b"connection"))


def reason_of(head: bytes) -> str:
    """What our server says about an answer that is not the full one."""
    return ", ".join(value.decode("latin-1") for value in values(head, _REASON))


def _status(head: bytes) -> int:
    code = head[9:12]
    if not head.startswith(b"HTTP/1.1 ") or not code.isdigit() or not b"200" <= code <= b"599":
        raise BadAnswerError(f"not an HTTP/1.1 answer: {head[:40]!r}")
    return int(code)


def _body_bytes(head: bytes) -> int:
    if _status(head) in _BODILESS:
        return 0
    lengths = values(head, b"content-length")
    if len(lengths) != 1 or not lengths[0].isdigit():
        raise BadAnswerError(f"status {_status(head)} with Content-Length {lengths}")
    return int(lengths[0])
