"""What a feed was taken for, in words for its owner."""

from typing import BinaryIO

from adserver.catalog.header import find_header
from adserver.catalog.json_feed import is_json
from adserver.catalog.magic import LONGEST, packed_as
from adserver.catalog.problem import FeedError
from adserver.catalog.source import TextSource
from adserver.catalog.unpack import Unpacked
from adserver.catalog.xml import begin_of_xml

_PARTED_BY = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}


def format_of(stream: BinaryIO) -> str:
    """``table with tabs``, ``XML, gzip``; empty for what can not be read. ``stream`` is at its beginning afterwards."""
    packing = packed_as(stream.read(LONGEST))
    stream.seek(0)
    try:
        head = TextSource(Unpacked(stream)).head
        name = _name(head)
    except FeedError:
        name = ""
    finally:
        stream.seek(0)
    return f"{name}, {packing}" if name and packing else name


def _name(head: str) -> str:
    if begin_of_xml(head) >= 0:
        return "XML"
    if is_json(head):
        return "JSON"
    delimiter = find_header(head).dialect.delimiter
    return f"table with {_PARTED_BY.get(delimiter, repr(delimiter))}"
