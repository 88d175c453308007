"""Which requests take the fast lane, and to which door."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from adserver.web.door import Door
from adserver.web.head import Head, head_of

HOT_PATHS = (
    "/pixel.gif", "/ad", "/ads", "/ad.json", "/ad.png", "/ad.webp", "/ad.jpg", "/ad/click",
    "/i/{token}", "/v/{token}", "/c/{token}",
)  # fmt: skip

MAX_PLAIN_BYTES = 16_384
"""Longest request that is looked at as a whole; longer ones go through the parser."""

_VERSION = b" HTTP/1.1\r\n"


class PlainGet(NamedTuple):
    """A GET of a hot path, and the door that it goes to."""

    door: Door
    path: bytes
    query: bytes
    head: Head


@dataclass(frozen=True, slots=True)
class Lanes:
    """``whole``: doors by path; ``tokens``: doors by the three bytes before the token (``/i/``).

    ``https_outside``: see Context. ``proxies``: whose forwarded headers are believed (uvicorn's syntax), or empty.
    """

    whole: Mapping[bytes, Door]
    tokens: Mapping[bytes, Door]
    https_outside: bool
    proxies: str

    def door_of(self, path: bytes) -> Door | None:
        """The door of a hot path."""
        door = self.whole.get(path)
        if door is None:
            token = path[3:]
            if token and b"/" not in token and b"%" not in token:
                door = self.tokens.get(path[:3])
        return door

    def plain_get(self, data: bytes) -> PlainGet | None:
        """The request, where all of ``data`` is one GET of a hot path, as mostly. None for everything else, right
        or wrong: the parser tells."""
        end = data.find(b" ", 4)
        if data[:5] != b"GET /" or data[end : end + len(_VERSION)] != _VERSION or len(data) > MAX_PLAIN_BYTES:
            return None
        target = data[4:end]
        path, _, query = target.partition(b"?")
        door = self.door_of(path)
        if door is None or not is_plain(target):
            return None
        head = head_of(data[end + len(_VERSION) :])
        return None if head is None else PlainGet(door, path, query, head)


def is_plain(target: bytes) -> bool:
    """Whether nothing in a request target could be read in two ways: printable ASCII without a fragment."""
    return target.isascii() and b"#" not in target and target.decode().isprintable()


def lanes_of(doors: Mapping[str, Door], *, https_outside: bool, proxies: str) -> Lanes:
    """The lanes of those doors that are hot."""
    hot = {path: doors[path] for path in HOT_PATHS if path in doors}
    return Lanes(
        whole={path.encode(): door for path, door in hot.items() if "{" not in path},
        tokens={path.partition("{")[0].encode(): door for path, door in hot.items() if "{" in path},
        https_outside=https_outside,
        proxies=proxies,
    )
