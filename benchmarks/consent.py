"""Consent strings as a consent platform writes them: IAB TC string, version 2, core segment."""

from base64 import urlsafe_b64encode
from random import Random

_VENDORS = 1_000
"""About what the global vendor list holds, so that the string is as long as real ones."""


def tc_string(rng: Random) -> str:
    """Ten purposes and about half of the vendors consented to, at some moment of 2026: hardly two are the same."""
    made = 17_672_256_000 + rng.randrange(315_360_000)  # tenths of a second since 1970
    fields = (
        (2, 6),  # version
        (made, 36),
        (made, 36),
        (300, 12),  # consent platform
        (1, 12),
        (1, 6),  # screen
        (_letters("DE"), 12),
        (150, 12),  # version of the vendor list
        (5, 6),  # policy
        (0, 2),  # not service specific, standard texts
        (0, 12),  # special features
        (0b1111111111 << 14, 24),  # purposes consented to
        (0, 24),  # legitimate interests
        (0, 1),
        (_letters("DE"), 12),
        (_VENDORS, 16),
        (0, 1),  # a bit for each vendor
        (rng.getrandbits(_VENDORS), _VENDORS),
        (0, 17),  # no vendor's legitimate interest
        (0, 12),  # no publisher restrictions
    )
    bits = "".join(f"{value:0{width}b}" for value, width in fields)
    bits += "0" * (-len(bits) % 8)
    return urlsafe_b64encode(int(bits, 2).to_bytes(len(bits) // 8, "big")).rstrip(b"=").decode()


def _letters(two: str) -> int:
    return (ord(two[0]) - ord("A")) << 6 | (ord(two[1]) - ord("A"))
