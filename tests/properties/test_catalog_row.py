"""Laws of a feed's rows: any text gives a product or one reason, in bounded words; dates are read as written."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from adserver.catalog.fields import FIELDS
from adserver.catalog.problem import FOUND_LIMIT
from adserver.catalog.row import RowReader
from adserver.catalog.sale_dates import OPEN, SaleDatesError, read_sale_dates
from adserver.catalog.text import (
    CATEGORY_CHARACTERS,
    DESCRIPTION_CHARACTERS,
    NAME_CHARACTERS,
    TITLE_CHARACTERS,
    read_description,
    read_line,
)
from adserver.model.product import Product

WORDS = st.sampled_from(
    [
        "",
        "in stock",
        "new",
        "#id#",
        "{{ x }}",
        "NULL",
        "5",
        "5,00 €",
        "$5",
        "0",
        "-1",
        "<b>x</b>",
        "&lt;",
        "2026-01-01/",
    ]
)
LINKS = st.sampled_from(["https://e.example/a", "http://127.0.0.1/", "/a", "https://a.example/1,https://a.example/2"])
TEXTS = WORDS | LINKS | st.text(max_size=300)
GOOD = {"id": "1", "title": "Boots", "link": "https://e.example/", "price": "5 EUR"}
MOMENTS = st.integers(31_536_000, 4_102_444_800).map(lambda second: datetime.fromtimestamp(second, UTC))
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
BETWEEN = st.sampled_from(["/", " / ", ",", ", ", " - ", " ", ";", " to "])
STYLES = st.sampled_from([("T", ":"), (" ", ":"), ("T", "")])


@given(st.dictionaries(st.sampled_from(FIELDS), TEXTS), st.booleans())
def test_any_text_gives_a_product_or_one_reason(row: dict[str, str], good: bool) -> None:
    rows = RowReader("EUR")
    product = rows.read(3, GOOD | row if good else row)
    assert all(len(problem.found) <= FOUND_LIMIT for problem in rows.problems)
    assert all(problem.line == 3 and problem.code and problem.fix for problem in rows.problems)
    if product is None:
        assert [problem.left_out for problem in rows.problems] == [True]
        return
    assert not any(problem.left_out for problem in rows.problems)
    check(product)


def check(product: Product) -> None:
    assert product.id
    assert product.price > 0
    assert product.sale_price is None or 0 < product.sale_price < product.price
    assert product.sale_until == OPEN or product.sale_from < product.sale_until
    assert 0 < len(product.title) <= TITLE_CHARACTERS
    assert len(product.description) <= DESCRIPTION_CHARACTERS
    assert len(product.category) <= CATEGORY_CHARACTERS
    names = (product.brand, product.color, product.size, *product.labels)
    assert all(len(name) <= NAME_CHARACTERS for name in names)
    lines = (product.title, product.description, product.category, *names)
    assert all(line == line.strip() and "\n" not in line and "\0" not in line for line in lines)
    links = (product.link, product.image_link, *product.more_images)
    assert all(link.startswith(("http://", "https://")) for link in links if link)
    assert all(link.isascii() and link.isprintable() and " " not in link for link in links)
    assert len(product.more_images) <= 2
    assert len(product.labels) <= 5


@given(MOMENTS, MOMENTS, OFFSETS, OFFSETS, BETWEEN, STYLES)
def test_dates_are_read_as_they_are_written(
    begin: datetime, end: datetime, one: timezone, other: timezone, between: str, style: tuple[str, str]
) -> None:
    begin, end = begin.replace(tzinfo=one), end.replace(tzinfo=other)
    day, colon = style

    def written(moment: datetime) -> str:
        offset = moment.strftime("%z")
        return moment.strftime(f"%Y-%m-%d{day}%H{colon}%M{colon}%S") + offset[:3] + colon + offset[3:]

    text = written(begin) + between + written(end)
    assert read_sale_dates(text) == (int(begin.timestamp()), int(end.timestamp()), True)
    naive = f"{begin:%Y-%m-%dT%H:%M}/{end:%Y-%m-%dT%H:%M}"
    in_utc = [int(moment.replace(tzinfo=UTC, second=0).timestamp()) for moment in (begin, end)]
    assert read_sale_dates(naive) == (*in_utc, False)


@given(st.text(max_size=130) | st.text(alphabet="0123456789-:TZ+/ .,", max_size=60))
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    try:
        begin, end, _ = read_sale_dates(text)
    except SaleDatesError:
        return
    assert begin >= 0
    assert end >= 0


@given(st.text(max_size=5_000) | st.text(alphabet="<>&;/!-=\"' \nabscriptylegm#", max_size=5_000))
def test_no_text_breaks_the_reading_of_text(text: str) -> None:
    assert "\n" not in read_line(text)
    assert len(read_description(text)) <= DESCRIPTION_CHARACTERS
