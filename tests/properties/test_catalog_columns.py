"""Rows read together are what they are one by one, with the same problems in the same order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.catalog.fields import FIELDS
from adserver.catalog.problem import RowProblem
from adserver.catalog.row import RowReader
from adserver.model.product import Product

ODD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "null", "-", "{{ x }}", "%brand%", "a  b", " a ", "a\nb", "S&auml;ge", "A & B; C", "<b>x"]
    ),
    st.sampled_from(["a\u00a0b", "\ud800", "\u202ea", "x" * 300, "é" * 130, "ab " * 80]),
)
LINKS = st.sampled_from([
    "https://shop.example/a", "https://shop.example/b?c=1", "http://other.example/", "https://shop.example",
    "https://shop.example/ä b", "http://localhost/a", "/relative", "https://shop.example/a.svg", "ftp://shop.example/a",
    "https://shop.example/a,https://shop.example/b", "https://shop.example/" + "x" * 2_000, " https://shop.example/a ",
])  # fmt: skip
PRICES = st.sampled_from(["9.99 EUR", "12.00 EUR", "9.99", "0 EUR", "5.00 USD", "1,5 €", "free", "", "20.00 EUR"])
OF = {
    "id": st.one_of(st.integers(0, 12).map("SKU-{}".format), ODD),
    "title": st.one_of(st.sampled_from(["Boot", "Grüner Schuh, leicht", "Müller & Söhne"]), ODD),
    "description": st.one_of(st.just("A boot for every day and for long ways. " * 6), ODD),
    "price": PRICES,
    "sale_price": st.one_of(st.just(""), PRICES),
    "former_price": st.one_of(st.just(""), PRICES),
    "sale_price_effective_date": st.sampled_from(["", "2026-01-01/2026-02-01", "2026-01-01T00Z/2026-02-01T00Z", "x"]),
    "currency": st.sampled_from(["", "", "EUR", "USD", "x"]),
    "availability": st.one_of(st.sampled_from(["in stock", "out of stock"]), ODD),
    "condition": st.one_of(st.sampled_from(["new", "used"]), ODD),
} | dict.fromkeys(("link", "image_link", "additional_image_link"), st.one_of(LINKS, ODD))  # fmt: skip
USUAL = {"id": "SKU", "title": "Boot", "link": "https://shop.example/a", "price": "9.99 EUR"}


@st.composite
def feeds(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows of the same fields: of some fields any text may come, the others are as usual everywhere."""
    fields = draw(st.sets(st.sampled_from(FIELDS), max_size=6))
    rows = draw(st.integers(1, 6))
    return [
        {field: f"{text}-{row}" if field == "id" else text for field, text in USUAL.items()}
        | {field: draw(OF.get(field, ODD)) for field in sorted(fields)}
        for row in range(rows)
    ]


def one_by_one(reader: RowReader, rows: list[dict[str, str]]) -> list[Product | RowProblem]:
    found: list[Product | RowProblem] = []
    for line, row in enumerate(rows, start=1):
        product = reader.read(line, row)
        found += reader.problems
        reader.problems.clear()
        found += [product] if product is not None else []
    return found


@settings(max_examples=300, deadline=None)
@given(batches=st.lists(feeds(), min_size=1, max_size=3))
def test_rows_read_together_are_what_they_are_one_by_one(batches: list[list[dict[str, str]]]) -> None:
    alone, together = RowReader("EUR"), RowReader("EUR")
    for rows in batches:
        columns = {field: [row[field] for row in rows] for field in rows[0]}
        assert list(together.read_all(range(1, len(rows) + 1), columns)) == one_by_one(alone, rows)
