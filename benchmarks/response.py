"""Just enough of HTTP/1.1 (RFC 9112) to know where an answer ends: by Content-Length, as both servers send it."""

from typing import NamedTuple

_LENGTH = b"\r\ncontent-length:"
_BODILESS = (204, 304)


class BadResponseError(Exception):
    """What came is no answer that can be measured; the text says why."""


class Response(NamedTuple):
    """``head`` is everything up to and with the blank line, as it came."""

    status: int
    head: bytes
    body_bytes: int

    def values(self, name: bytes) -> list[bytes]:
        """All values of the header called ``name`` (lower-case)."""
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return [value.strip() for key, _, value in lines if key.lower() == name]


class ResponseParser:
    """Bytes in, answers out, however the bytes were cut."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Response]:
        """The answers that ``data`` completes. Raises BadResponseError."""
        if self._rest:
            data = self._rest + data
        found: list[Response] = []
        at = 0
        while (end := data.find(b"\r\n\r\n", at)) >= 0:
            head = data[at : end + 4]
            status = _status(head)
            length = _body_length(status, head)
            if end + 4 + length > len(data):
                break
            at = end + 4 + length
            if status >= 200:
                found.append(Response(status, head, length))
        self._rest = data[at:]
        return found


def _status(head: bytes) -> int:
    code = head[9:12]
    if not head.startswith(b"HTTP/1.1 ") or not code.isdigit():
        raise BadResponseError(f"not an HTTP/1.1 answer: {head[:40]!r}")
    return int(code)


def _body_length(status: int, head: bytes) -> int:
    if status < 200 or status in _BODILESS:
        return 0
    lower = head.lower()
    start = lower.find(_LENGTH)
    if start < 0:
        raise BadResponseError(f"status {status} without Content-Length")
    start += len(_LENGTH)
    value = lower[start : lower.index(b"\r\n", start)].strip()
    if not value.isdigit():
        raise BadResponseError(f"Content-Length {value[:40]!r}")
    return int(value)
