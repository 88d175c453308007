"""What opening a feed gives, and by what its next version is told from it."""

from dataclasses import dataclass
from typing import BinaryIO

MAX_VALIDATOR = 512
"""Characters of a validator that are kept; a longer one is dropped, and costs a download."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What the shop's server said about the version it sent; empty texts where it said nothing.

    Of a file: its size in bytes and the time of its last change in nanoseconds.
    """

    etag: str = ""
    last_modified: str = ""

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True, slots=True)
class Source:
    """An opened feed. ``stream`` can be sought; it is None when nothing changed since the validators that were known.

    ``size``: bytes of the stream, packed as they came; 0 without one.
    """

    stream: BinaryIO | None
    validators: Validators
    size: int
