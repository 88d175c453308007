"""Which characters a font file has glyphs for, read out of its ``cmap`` table."""

import struct

_TABLE = struct.Struct(">4s4xII")
_SUBTABLE = struct.Struct(">HHI")
_GROUP = struct.Struct(">III")
# Platform and encoding of the tables for Unicode, the fullest first.
_UNICODE = ((3, 10), (0, 4), (0, 6), (3, 1), (0, 3))


def coverage(font: bytes) -> frozenset[int]:
    """Code points. Raises ValueError for a font without a table that is known here (formats 4 and 12)."""
    start = _cmap(font)
    (count,) = struct.unpack_from(">H", font, start + 2)
    found = {}
    for number in range(count):
        platform, encoding, offset = _SUBTABLE.unpack_from(font, start + 4 + number * _SUBTABLE.size)
        found[platform, encoding] = start + offset
    for kind in _UNICODE:
        if kind in found:
            return _characters(font, found[kind])
    raise ValueError("a font with a cmap table for Unicode was expected")


def _cmap(font: bytes) -> int:
    (tables,) = struct.unpack_from(">H", font, 4)
    for number in range(tables):
        tag, offset, _ = _TABLE.unpack_from(font, 12 + number * _TABLE.size)
        if tag == b"cmap":
            return int(offset)
    raise ValueError("a font with a cmap table was expected")


def _characters(font: bytes, at: int) -> frozenset[int]:
    (form,) = struct.unpack_from(">H", font, at)
    if form == 12:
        (groups,) = struct.unpack_from(">I", font, at + 12)
        spans = [_GROUP.unpack_from(font, at + 16 + number * _GROUP.size)[:2] for number in range(groups)]
    elif form == 4:
        (twice,) = struct.unpack_from(">H", font, at + 6)
        half = twice // 2
        lasts = struct.unpack_from(f">{half}H", font, at + 14)
        firsts = struct.unpack_from(f">{half}H", font, at + 16 + twice)
        spans = list(zip(firsts, lasts, strict=True))
    else:
        raise ValueError(f"a cmap table of format 4 or 12 was expected, got {form}")
    return frozenset(code for first, last in spans for code in range(first, last + 1) if code != 0xFFFF)
