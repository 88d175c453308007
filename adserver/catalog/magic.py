"""What a file is by its first bytes, where it is not text."""

PACKINGS = {
    b"\x1f\x8b": "gzip",
    b"x\x01": "zlib",
    b"x\x9c": "zlib",
    b"x\xda": "zlib",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "ZIP",
    b"PK\x05\x06": "ZIP",
}
"""Beginning to the name of a packing that is opened."""

_OTHERS = {
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook of the old kind (.xls)",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\0": "an SQLite database",
    b"\x4c\x6f\xa7\x94\x93": "XML in EBCDIC, the alphabet of mainframes",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}

LONGEST = 262
"""Bytes after which all is known."""


def packed_as(head: bytes) -> str:
    """The packing in ``PACKINGS`` that ``head`` begins; empty for none."""
    return next((name for magic, name in PACKINGS.items() if head.startswith(magic)), "")


def not_a_feed(head: bytes) -> str:
    """What ``head`` begins where no feed can be read out of it, in words; else empty."""
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((words for magic, words in _OTHERS.items() if head.startswith(magic)), "")
