"""Query strings: read as the standard library reads them, and never with an exception."""

from urllib.parse import parse_qsl, quote, quote_plus

from hypothesis import example, given
from hypothesis import strategies as st

from adserver.web.query import MAX_FIELDS, parse_query

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=40)
PIECES = st.sampled_from(
    ["a", "=", "&", "+", "%", "%2", "%zz", "%C3%A9", "%00", "%26", "%3D", "%2B", ";", "é", "😀", " "]
)


def by_name(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), value)
    return fields


@given(PAIRS)
def test_what_was_encoded_comes_back(pairs: list[tuple[str, str]]) -> None:
    for encode in (quote_plus, lambda text: quote(text, safe="")):
        raw = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
        expected = by_name([(name, value) for name, value in pairs])
        assert parse_query(raw.encode()) == expected


@given(st.lists(PIECES, max_size=40).map("".join))
@example("")
@example("&&&")
@example("=&=")
@example("a=b=c&a")
@example("%")
def test_it_agrees_with_the_standard_library(raw: str) -> None:
    try:
        expected = by_name(parse_qsl(raw, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        assert parse_query(raw.encode()) is None
    else:
        assert parse_query(raw.encode()) == expected


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(raw: bytes) -> None:
    fields = parse_query(raw)
    assert fields is None or all(value.encode() is not None for values in fields.values() for value in values)


@given(st.binary(max_size=30), st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"]))
def test_what_is_not_utf_8_is_refused_and_not_replaced(before: bytes, broken: bytes) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in broken).encode()
    prefix = quote(before, safe="").encode()
    for raw in (broken, escaped):
        assert parse_query(b"a=" + prefix + b"&b=" + raw) is None
        assert parse_query(raw + b"=1") is None


@given(st.integers(1, 2 * MAX_FIELDS))
def test_the_number_of_fields_is_bounded(count: int) -> None:
    fields = parse_query(b"&".join([b"a=1"] * count))
    assert fields == ({"a": ("1",) * count} if count <= MAX_FIELDS else None)
