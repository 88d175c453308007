"""One row of a feed, as text by field name, becomes a product or the reason why not."""

from collections.abc import Mapping

from adserver.catalog.link import LINK_CHARACTERS, read_link
from adserver.catalog.price import PriceError, parse_price
from adserver.catalog.problem import RowProblem, shorten
from adserver.catalog.text import read_availability, read_id, read_title
from adserver.model.product import PRODUCT_ID_MAX_BYTES, Availability, Product

REQUIRED = ("id", "title", "link", "price")
"""Without these there is no product."""

FIELDS = (
    *REQUIRED,
    "image_link",
    "availability",
    "sale_price",
    "sale_price_effective_date",
    "brand",
    "item_group_id",
)
"""Every field that is read, by Google Merchant's names; all others are passed over."""

_ID = f"1 to {PRODUCT_ID_MAX_BYTES} bytes of text without control characters"
_TITLE = "a title"
_LINK = f"an absolute http or https address of at most {LINK_CHARACTERS:,} characters"
_ABOVE_ZERO = "a price above zero"
_BELOW_PRICE = "a sale price below the price"
_AVAILABILITY = "in_stock, out_of_stock, preorder or backorder (until then taken for out_of_stock)"


class RowReader:
    """Turns the rows of one feed into products. ``currency`` (ISO 4217) is meant where a price names none.

    ``problems`` collects what was wrong with the row read last; the caller empties it.
    """

    __slots__ = ("_currency", "problems")

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self.problems: list[RowProblem] = []

    def read(self, line: int, row: Mapping[str, str]) -> Product | None:
        """The product of ``row``, which begins at ``line``; None where it has to be left out."""
        product_id = read_id(row.get("id", ""))
        if not product_id:
            self._leave_out(line, "", "id", row.get("id", ""), _ID)
            return None
        title = read_title(row.get("title", ""))
        if not title:
            self._leave_out(line, product_id, "title", row.get("title", ""), _TITLE)
            return None
        link = read_link(row.get("link", ""))
        if not link:
            self._leave_out(line, product_id, "link", row.get("link", ""), _LINK)
            return None
        price_text = row.get("price", "")
        try:
            price, currency = parse_price(price_text, self._currency)
        except PriceError as error:
            self._leave_out(line, product_id, "price", price_text, error.expected)
            return None
        if not price:
            self._leave_out(line, product_id, "price", price_text, _ABOVE_ZERO)
            return None
        return Product(
            id=product_id,
            title=title,
            link=link,
            image_link=self._image_link(line, product_id, row.get("image_link", "")),
            price=price,
            currency=currency,
            sale_price=self._sale_price(line, product_id, row, price, currency),
            availability=self._availability(line, product_id, row.get("availability", "")),
            brand=read_title(row.get("brand", "")),
            item_group_id=self._item_group_id(line, product_id, row.get("item_group_id", "")),
        )

    def _image_link(self, line: int, product_id: str, text: str) -> str:
        link = read_link(text)
        if not link and text and not text.isspace():
            self._drop(line, product_id, "image_link", text, _LINK)
        return link

    def _item_group_id(self, line: int, product_id: str, text: str) -> str:
        group = read_id(text)
        if not group and text and not text.isspace():
            self._drop(line, product_id, "item_group_id", text, _ID)
        return group

    def _availability(self, line: int, product_id: str, text: str) -> Availability:
        availability = read_availability(text)
        if availability is None:
            self._drop(line, product_id, "availability", text, _AVAILABILITY)
            return Availability.OUT_OF_STOCK
        return availability

    def _sale_price(self, line: int, product_id: str, row: Mapping[str, str], price: int, currency: str) -> int | None:
        """Micros of the price's currency. A sale with dates is not shown: the plain price is always true."""
        text = row.get("sale_price", "")
        if not text or text.isspace():
            return None
        dates = row.get("sale_price_effective_date", "")
        if dates and not dates.isspace():
            return None
        try:
            sale_price, sale_currency = parse_price(text, currency)
        except PriceError as error:
            self._drop(line, product_id, "sale_price", text, error.expected)
            return None
        if sale_currency != currency:
            self._drop(line, product_id, "sale_price", text, f"the currency of the price, {currency}")
            return None
        if not 0 < sale_price < price:
            self._drop(line, product_id, "sale_price", text, _BELOW_PRICE if sale_price else _ABOVE_ZERO)
            return None
        return sale_price

    def _leave_out(self, line: int, product_id: str, field: str, found: str, expected: str) -> None:
        self.problems.append(RowProblem(line, product_id, field, shorten(found), expected))

    def _drop(self, line: int, product_id: str, field: str, found: str, expected: str) -> None:
        self.problems.append(RowProblem(line, product_id, field, shorten(found), expected, left_out=False))
