"""Compressed feeds and archives: what is opened, and the bombs and tricks that are refused."""

import bz2
import gzip
import io
import itertools
import lzma
import time
import tracemalloc
import zipfile
import zlib

import pytest

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.model.product import Product
from tests.feeds import Pieces, products, read


def gzipped(data: bytes) -> bytes:
    """Without a time in it, so that tests named by it have the same names in every process."""
    return gzip.compress(data, mtime=0)


FEED = b"id,title,link,price\n" + b"".join(b"%d,Boots,http://e/%d,5.00 EUR\n" % (n, n) for n in range(300))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 22, 12, 0, 0)), data, method)
    return out.getvalue()


def members(data: bytes) -> bytes:
    return gzipped(data[:100]) + gzipped(data[100:])


@pytest.mark.parametrize(
    "packed",
    [
        gzipped(FEED),
        members(FEED),
        gzipped(FEED) + b"\0" * 500,
        gzipped(b"") + gzipped(FEED),
        zlib.compress(FEED),
        bz2.compress(FEED),
        bz2.compress(FEED[:100]) + bz2.compress(FEED[100:]),
        lzma.compress(FEED),
        zipped({"feed.csv": FEED}),
        zipped({"feed.csv": FEED}, zipfile.ZIP_STORED),
        zipped({"a/b/feed": FEED, "__MACOSX/a/._feed": b"x" * 9_000, ".DS_Store": b"x" * 9_000, "empty/": b""}),
    ],
)
def test_what_is_packed_reads_like_what_is_not(packed: bytes) -> None:
    assert products(packed) == products(FEED)
    assert not [item for item in read(packed) if isinstance(item, RowProblem)]
    if not packed.startswith(b"PK"):
        pieces = Pieces((packed[at : at + 7] for at in range(0, len(packed), 7)), at_once=1)
        assert sum(isinstance(item, Product) for item in read_feed(pieces, currency="EUR")) == 300


def test_of_several_files_the_largest_is_read_and_that_is_told() -> None:
    told, *items = read(zipped({"readme.txt": b"hello", "feed.csv": FEED}))
    assert isinstance(told, RowProblem)
    assert (told.code, told.left_out) == ("archive_several_files", False)
    assert "feed.csv" in told.found
    assert items == products(FEED)


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (gzipped(gzipped(FEED)), "archive_nested"),
        (gzipped(zipped({"feed.csv": FEED})), "archive_nested"),
        (zipped({"feed.csv.gz": gzipped(FEED)}), "archive_nested"),
        (zipped({"feed.zip": zipped({"feed.csv": FEED})}), "archive_nested"),
        (zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), "feed_is_workbook"),
        (zipped({"../feed.csv": FEED}), "archive_path"),
        (zipped({"/etc/feed.csv": FEED}), "archive_path"),
        (zipped({"C:\\feed.csv": FEED}), "archive_path"),
        (zipped({"a\\..\\feed.csv": FEED}), "archive_path"),
        (zipped({}), "archive_empty"),
        (zipped({"feed.csv": FEED}, zipfile.ZIP_LZMA), "archive_unusual"),
        (zipped({"feed.csv": FEED})[:-30], "archive_broken"),
        (b"PK\x03\x04", "archive_broken"),
        (gzipped(FEED)[:-9], "archive_broken"),
        (gzipped(FEED)[:-1] + b"x", "archive_broken"),
        (gzipped(FEED) + b"more", "archive_broken"),
        (b"\x1f\x8b\x08", "archive_broken"),
        (bz2.compress(FEED)[:-5], "archive_broken"),
        (lzma.compress(FEED)[:-5], "archive_broken"),
        (b"\x28\xb5\x2f\xfd" + FEED, "feed_not_text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + FEED, "feed_not_text"),
        (b"a" * 257 + b"ustar", "feed_not_text"),
        (gzipped(b"%PDF-1.7"), "feed_not_text"),
        (gzipped(b""), "feed_empty"),
    ],
)
def test_what_can_not_be_opened_says_why(packed: bytes, code: str) -> None:
    with pytest.raises(FeedError) as caught:
        read(packed)
    assert caught.value.code == code
    assert caught.value.fix


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new)


def test_archives_that_lie_are_read_or_refused() -> None:
    packed = zipped({"feed.csv": FEED})
    size = len(FEED).to_bytes(4, "little")
    for lie in (changed(packed, size, b"\x10\0\0\0"), changed(packed, size, b"\xff\xff\xff\x7f")):
        try_to_read(lie)
    end = packed.rindex(b"PK\x05\x06")
    for at in range(end + 4, end + 19):
        try_to_read(packed[:at] + b"\xff\xff\xff\x7f" + packed[at + 4 :])


def try_to_read(packed: bytes) -> None:
    try:
        assert read(packed) == products(FEED)
    except FeedError as error:
        why = error.code
    else:
        why = "archive_broken"
    assert why in ("archive_broken", "archive_bomb")


def test_encrypted_archives_are_refused() -> None:
    packed = bytearray(zipped({"feed.csv": FEED}))
    packed[6] |= 1
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(FeedError) as caught:
        read(bytes(packed))
    assert caught.value.code == "archive_unusual"


LINE = b"a" * 10_000 + b"\n"


def bomb(size: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=31)
    blocks = [squeeze.compress(LINE * 1_000) for _ in range(size // len(LINE) // 1_000)]
    return b"".join([*blocks, squeeze.flush()])


@pytest.mark.parametrize("packing", ["gzip", "bz2", "xz", "zip"])
def test_bombs_are_given_up_quickly_and_in_little_memory(packing: str) -> None:
    size = 30 * 2**20
    packed = {
        "gzip": lambda: gzipped(FEED) + bomb(size),
        "bz2": lambda: bz2.compress(FEED + LINE * (size // len(LINE))),
        "xz": lambda: lzma.compress(FEED + LINE * (size // len(LINE)), preset=0),
        "zip": lambda: zipped({"feed.csv": FEED + LINE * (size // len(LINE))}),
    }[packing]()
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(FeedError) as caught:
            read(packed)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.code == "archive_bomb"
    assert time.perf_counter() - began < 5


def test_the_size_is_bounded_packed_or_not() -> None:
    for data in (FEED, gzipped(FEED)):
        with pytest.raises(FeedError, match="more than 5,000 bytes") as caught:
            read(data, max_bytes=5_000)
        assert caught.value.code == "feed_too_large"
    endless = Pieces(itertools.chain([FEED], itertools.repeat(b"\n" * 1_000)))
    with pytest.raises(FeedError, match="more than 1,000,000 bytes"):
        list(read_feed(endless, currency="EUR", max_bytes=1_000_000))


def test_an_archive_cut_anywhere_ends_in_a_feed_error() -> None:
    for packed in (gzipped(FEED), zipped({"feed.csv": FEED})):
        for end in range(1, len(packed), 37):
            with pytest.raises(FeedError):
                read(packed[:end])
