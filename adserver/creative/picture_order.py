"""What the server and the process that decodes pictures say to each other."""

import struct
from enum import StrEnum

ORDER = struct.Struct(">IHHB")
"""Length of the raw picture that follows, width, height, kind by its place in KINDS."""

ANSWER = struct.Struct(">BI")
"""1 for a picture and 0 for a refusal, length of what follows: the picture, or the refusal's name."""

KINDS = ("webp", "jpeg")


class Refusal(StrEnum):
    """Why a shop's picture is not shown."""

    NOT_A_PICTURE = "not_a_picture"
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    HARMFUL = "harmful"
    """The process that was to read it died, or did not end."""


class PictureRefused(Exception):  # noqa: N818  a property of the picture, not a mistake in the program
    """``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
