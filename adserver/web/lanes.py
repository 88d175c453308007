"""Which requests take the fast lane, and to which door."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adserver.web.door import Door
from adserver.web.head import Head, HeadReader

HOT_PATHS = (
    "/pixel.gif", "/ad", "/ads", "/ad.json", "/ad.png", "/ad.webp", "/ad.jpg", "/ad/click",
    "/i/{token}", "/v/{token}", "/c/{token}",
)  # fmt: skip

MAX_TARGET_BYTES = 16_384
"""Longest request target that is looked at as a whole; longer ones go through the parser."""

_VERSION = b" HTTP/1.1\r\n"
_PLAIN = bytes(set(range(0x21, 0x7F)) - set(b"#"))


@dataclass(frozen=True, slots=True)
class Lanes:
    """``whole``: doors by path; ``tokens``: doors by the three bytes before the token (``/i/``).

    ``https_outside``: see Context. ``proxies``: whose forwarded headers are believed (uvicorn's syntax), or empty.
    """

    whole: Mapping[bytes, Door]
    tokens: Mapping[bytes, Door]
    https_outside: bool
    proxies: str
    heads: HeadReader = field(default_factory=HeadReader)

    def door_of(self, path: bytes) -> Door | None:
        """The door of a hot path."""
        return self.whole.get(path) or self._door_of_token(path)

    def _door_of_token(self, path: bytes) -> Door | None:
        door, token = self.tokens.get(path[:3]), path[3:]
        return door if token and not token.count(b"/") and not token.count(b"%") else None

    def plain_get(self, data: bytes) -> tuple[Door, bytes, bytes, Head] | None:
        """Door, path, query and head, where all of ``data`` is one GET of a hot path, as mostly. None for everything
        else, right or wrong: the parser tells."""
        end = data.find(b" ", 4)
        if not data.startswith(b"GET /") or not data.startswith(_VERSION, end) or end > MAX_TARGET_BYTES:
            return None
        target = data[4:end]
        path, _, query = target.partition(b"?")
        door = self.whole.get(path) or self._door_of_token(path)
        if door is None or not is_plain(target):
            return None
        head = self.heads.head_of(data[end + len(_VERSION) :])
        return None if head is None else (door, path, query, head)


def is_plain(target: bytes) -> bool:
    """Whether nothing in a request target could be read in two ways: printable ASCII without a fragment."""
    return not target.translate(None, _PLAIN)


def lanes_of(doors: Mapping[str, Door], *, https_outside: bool, proxies: str) -> Lanes:
    """The lanes of those doors that are hot."""
    hot = {path: doors[path] for path in HOT_PATHS if path in doors}
    return Lanes(
        whole={path.encode(): door for path, door in hot.items() if "{" not in path},
        tokens={path.partition("{")[0].encode(): door for path, door in hot.items() if "{" in path},
        https_outside=https_outside,
        proxies=proxies,
    )
