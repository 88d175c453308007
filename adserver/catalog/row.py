"""One row of a feed, as text by field name, becomes a product or the reason why not."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import cast

from adserver.catalog import problem_kinds as kinds
from adserver.catalog.columns import ColumnReader, Columns, Paid
from adserver.catalog.images import read_images
from adserver.catalog.link import is_public, read_link
from adserver.catalog.price import PriceError, names_currency, parse_price, read_currency
from adserver.catalog.problem import ProblemKind, RowProblem, RowProblems
from adserver.catalog.remembered import PRICES_REMEMBERED, Remembered
from adserver.catalog.sale import Sale, SaleReader
from adserver.catalog.text import (
    TITLE_CHARACTERS,
    has_placeholder,
    is_nothing,
    means_none,
    read_description,
    read_id,
    read_line,
    shortened,
)
from adserver.catalog.words import WordReader
from adserver.model.product import Product

IDS_WATCHED = 200_000
"""Products of a feed whose ids are watched for coming again (about 15 MB); of those after them only the store knows."""

_ID = itemgetter(0)


class RowReader:
    """Turns the rows of one feed into products. ``currency`` (ISO 4217) is meant where a price names none.

    ``problems`` collects what was wrong with the row read last; the caller empties it. What is likely to hold for the
    whole feed (prices without a currency or in another one than ``currency``, times without an offset, addresses of a
    test installation) is told with the first product that it is about, and not again.
    """

    __slots__ = (
        "_columns",
        "_currencies",
        "_currency",
        "_ids",
        "_paid",
        "_problems",
        "_public",
        "_row_currency",
        "_sales",
        "_words",
        "problems",
    )

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._row_currency = ""
        self._ids: set[int] = set()
        self._problems = RowProblems()
        self._currencies = Remembered(lambda text: read_currency(text, currency))
        self._paid = Remembered(self._read_paid, PRICES_REMEMBERED)
        self._public = Remembered(is_public)
        self._sales = SaleReader()
        self._words = WordReader(self._problems)
        self._columns = ColumnReader(
            currency, self._problems, self._words, self._sales, paid=self._paid, public=self._public
        )
        self.problems: list[RowProblem] = self._problems.collected

    def read_all(self, lines: Sequence[int], columns: Columns) -> Iterator[Product | RowProblem]:
        """The same as ``read`` of each row, which begin at ``lines``; each one's problems come before its product.

        There must be one row at least.
        """
        products = self._usual(columns, len(lines))
        if self._watch_all(products):
            yield from cast("list[Product]", products)
            return
        for index, (line, usual) in enumerate(zip(lines, products, strict=True)):
            if usual is None:
                product = self.read(line, {field: texts[index] for field, texts in columns.items()})
            else:
                product = usual
                self._problems.line, self._problems.product_id = line, usual.id
                self._watch(usual.id)
            yield from self.problems
            self.problems.clear()
            if product is not None:
                yield product

    def _usual(self, columns: Columns, rows: int) -> Sequence[Product | None]:
        """None for those that have to be read one by one: all of them, where they have several currencies."""
        currencies = set(columns.get("currency", ("",)))
        row = {"currency": currencies.pop()}
        if currencies:
            return [None] * rows
        self._paid_in(row)
        if not self._row_currency and not means_none(row["currency"]):
            return [None] * rows
        return self._columns.read(columns, rows)

    def _watch_all(self, products: Sequence[Product | None]) -> bool:
        """As ``_watch``, if nothing has to be told of any of them; else nothing is done."""
        if None in products:
            return False
        marks = set(map(hash, map(_ID, cast("Sequence[Product]", products))))
        if len(marks) < len(products) or not self._ids.isdisjoint(marks):
            return False
        if len(self._ids) < IDS_WATCHED:
            self._ids |= marks
        return True

    def read(self, line: int, row: Mapping[str, str]) -> Product | None:
        """The product of ``row``, which begins at ``line``; None where it has to be left out."""
        problems, get = self._problems, row.get
        problems.line, problems.product_id = line, ""
        product_id = read_id(get("id", ""))
        if is_nothing(product_id):
            self._left_out("id", get("id", ""), kinds.ID_MISSING, kinds.ID_UNUSABLE)
            return None
        problems.product_id = product_id
        title = read_line(get("title", ""))
        if is_nothing(title):
            self._left_out("title", get("title", ""), kinds.TITLE_MISSING, kinds.TITLE_MISSING)
            return None
        link = read_link(get("link", ""))
        if not link:
            self._left_out("link", get("link", ""), kinds.LINK_MISSING, kinds.LINK_UNUSABLE)
            return None
        paid = self._paid_in(row)[get("price", "")]
        if isinstance(paid, ProblemKind):
            self._left_out("price", get("price", ""), kinds.PRICE_MISSING, paid)
            return None
        if not paid[2] and not means_none(get("currency", "")):
            # It names one, and we can not read it: the shop's own would be a guess at the price.
            self._left_out("currency", get("currency", ""), kinds.CURRENCY_UNKNOWN, kinds.CURRENCY_UNKNOWN)
            return None
        return self._product(row, product_id, title, link, paid)

    def _product(
        self, row: Mapping[str, str], product_id: str, title: str, link: str, paid: tuple[int, str, bool]
    ) -> Product:
        """The row is used; whatever is told from here on is about a part of it."""
        problems, words, get = self._problems, self._words, row.get
        price, currency, named = paid
        self._watch(product_id)
        if not self._row_currency and not means_none(get("currency", "")):
            problems.tell_once(kinds.CURRENCY_UNKNOWN, "currency", get("currency", ""))
        if len(title) > TITLE_CHARACTERS:
            problems.tell(kinds.TITLE_CUT, "title", title)
            title = shortened(title, TITLE_CHARACTERS)
        if not named:
            problems.tell_once(kinds.CURRENCY_MISSING, "price", get("price", ""))
        if currency != self._currency:
            problems.tell_once(kinds.CURRENCY_OTHER, "price", get("price", ""))
        on_sale = get("sale_price") or get("former_price")
        sale = self._sales.read(row, price, currency) if on_sale else Sale(price)
        if sale.problem is not None:
            tell = problems.tell_once if sale.problem is kinds.SALE_DATES_IN_UTC else problems.tell
            tell(sale.problem, sale.field, get(sale.field, ""))
        image_link, more_images = read_images(row, problems)
        if not self._public[link.split("/", 3)[2]]:
            problems.tell_once(kinds.LINK_NOT_PUBLIC, "link", link)
        if image_link and not self._public[image_link.split("/", 3)[2]]:
            problems.tell_once(kinds.LINK_NOT_PUBLIC, "image_link", image_link)
        # By position, in the order of the fields: names would cost as much as all the rest of this method.
        return Product(
            product_id,
            title,
            link,
            image_link,
            sale.price,
            currency,
            sale.sale_price,
            sale.begin,
            sale.end,
            words.availability(get("availability", "")),
            words.name("brand", row),
            words.group(get("item_group_id", "")),
            words.category(row),
            words.condition(get("condition", "")),
            words.name("color", row),
            words.name("size", row),
            read_description(get("description", "")),
            more_images,
            words.labels(row),
        )

    def _left_out(self, field: str, text: str, missing: ProblemKind, unusable: ProblemKind) -> None:
        unfilled = has_placeholder(text)
        kind = missing if means_none(text) else kinds.PLACEHOLDER if unfilled else unusable
        self._problems.leave_out(kind, field, text)

    def _watch(self, product_id: str) -> None:
        """Hashes of 64 bits: among as many ids as are watched, two have the same one once in a billion feeds."""
        ids, mark = self._ids, hash(product_id)
        if mark in ids:
            self._problems.tell(kinds.ID_REPEATED, "id", product_id)
        elif len(ids) < IDS_WATCHED:
            ids.add(mark)

    def _paid_in(self, row: Mapping[str, str]) -> Remembered[Paid]:
        """The prices as they are read in the currency that ``row`` names for all of its prices, if it does."""
        currency = self._currencies[row.get("currency", "")]
        if currency != self._row_currency:
            self._row_currency = currency
            self._paid.clear()
        return self._paid

    def _read_paid(self, text: str) -> Paid:
        try:
            micros, currency = parse_price(text, self._row_currency or self._currency)
        except PriceError as error:
            return error.kind
        return (micros, currency, bool(self._row_currency) or names_currency(text)) if micros else kinds.PRICE_ZERO
