"""Many rows of a feed at once, field by field: what usual rows are read to, in a third of the time.

Whole columns are looked at together, and what comes again and again is remembered. A row of which anything would have
to be told is not usual: it is left to ``RowReader.read``, which alone knows the problems. On all others both agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import TypeVar, cast

from adserver.catalog.images import read_images
from adserver.catalog.link import read_link, shared_origin
from adserver.catalog.problem import ProblemKind, RowProblems
from adserver.catalog.problem_kinds import CURRENCY_MISSING, CURRENCY_OTHER, LINK_NOT_PUBLIC, SALE_DATES_IN_UTC
from adserver.catalog.remembered import Remembered
from adserver.catalog.sale import SALE_FIELDS, Sale, SaleReader
from adserver.catalog.sale_dates import OPEN
from adserver.catalog.text import (
    TITLE_CHARACTERS,
    are_plain,
    is_nothing,
    read_descriptions,
    read_id,
    read_line,
)
from adserver.catalog.words import WordReader
from adserver.model.product import PRODUCT_ID_MAX_BYTES, Product

Columns = Mapping[str, Sequence[str]]
"""The texts of some rows by field, each as many as there are rows. A field that no row has may be absent."""

Paid = tuple[int, str, bool] | ProblemKind
"""Micros, currency and whether the row names it; or why there is none of them."""

V = TypeVar("V")

_product = cast("partial[Product]", partial(tuple.__new__, Product))
"""As ``Product._make``, without a call of Python's for each."""


class ColumnReader:
    """Reads the usual rows of one feed; ``paid`` and ``public`` are what its ``RowReader`` remembers."""

    __slots__ = ("_currency", "_odd", "_paid", "_problems", "_public", "_sales", "_unheard", "_words")

    def __init__(
        self,
        currency: str,
        problems: RowProblems,
        words: WordReader,
        sales: SaleReader,
        *,
        paid: Remembered[Paid],
        public: Remembered[bool],
    ) -> None:
        self._currency = currency
        self._problems = problems
        self._words = words
        self._sales = sales
        self._paid = paid
        self._public = public
        self._odd: set[int] = set()
        self._unheard = RowProblems()

    def read(self, columns: Columns, rows: int) -> list[Product | None]:
        """The product of each of ``rows`` rows; None for one that is not usual, or not usable."""
        self._odd.clear()
        usual, words, blank = self._usual, self._words, ("",) * rows

        def texts(field: str) -> Sequence[str]:
            return columns.get(field, blank)

        prices, currencies = self._prices(texts("price"))
        prices, sale_prices, begins, ends = self._reduced(columns, prices, currencies)
        image_links, more_images = self._images(texts("image_link"), texts("additional_image_link"))
        # In the order of the product's fields.
        values = zip(
            usual(_ids(texts("id"))),
            usual(_titles(texts("title"))),
            self._links(texts("link"), "link"),
            image_links,
            prices,
            currencies,
            sale_prices,
            begins,
            ends,
            usual(words.availabilities(texts("availability"))),
            usual(words.names("brand", texts("brand"))),
            usual(words.groups(texts("item_group_id"))),
            usual(words.categories(texts("product_type"), texts("google_product_category"))),
            usual(words.conditions(texts("condition"))),
            usual(words.names("color", texts("color"))),
            usual(words.names("size", texts("size"))),
            read_descriptions(texts("description")),
            more_images,
            usual(words.all_labels(columns, blank)),
            repeat(()),
        )
        products: list[Product | None] = list(map(_product, values))
        for index in self._odd:
            products[index] = None
        return products

    def _usual(self, values: Sequence[V | None]) -> Sequence[V]:
        """The values, of which None stands for a row that is not usual."""
        if None in values:
            self._odd.update(index for index, value in enumerate(values) if value is None)
        return cast("Sequence[V]", values)

    def _prices(self, texts: Sequence[str]) -> tuple[Sequence[int], Sequence[str]]:
        paid = list(map(self._paid.__getitem__, texts))
        micros, currencies, named = zip(*paid, strict=True)
        told, own = self._problems.has_told, self._currency
        tell_unnamed = not all(named) and not told(CURRENCY_MISSING, "price")
        tell_other = currencies.count(own) < len(paid) and not told(CURRENCY_OTHER, "price")
        if tell_unnamed or tell_other or ProblemKind in set(map(type, paid)):
            for index, one in enumerate(paid):
                if isinstance(one, ProblemKind) or (tell_unnamed and not one[2]) or (tell_other and one[1] != own):
                    self._odd.add(index)
        return micros, currencies

    def _reduced(
        self, columns: Columns, prices: Sequence[int], currencies: Sequence[str]
    ) -> tuple[Sequence[int], Sequence[int | None], Sequence[int], Sequence[int]]:
        """The prices, the sale prices, and when they begin and end."""
        given = {field: columns[field] for field in SALE_FIELDS if field in columns}
        reduced = {i for field in ("sale_price", "former_price") for i, text in enumerate(given.get(field, ())) if text}
        usual, sale_prices = list(prices), cast("list[int | None]", [None] * len(prices))
        begins, ends = [OPEN] * len(prices), [OPEN] * len(prices)
        for index in reduced - self._odd:
            row = {field: texts[index] for field, texts in given.items()}
            sale = self._sales.read(row, prices[index], currencies[index])
            if sale.problem is not None and not self._is_told(sale):
                self._odd.add(index)
            usual[index], sale_prices[index], begins[index], ends[index] = sale[:4]
        return usual, sale_prices, begins, ends

    def _is_told(self, sale: Sale) -> bool:
        return sale.problem is SALE_DATES_IN_UTC and self._problems.has_told(SALE_DATES_IN_UTC, sale.field)

    def _links(self, texts: Sequence[str], field: str) -> Sequence[str]:
        """Addresses that are usable and, as far as that has to be told, may be reached from everywhere."""
        origin = shared_origin(texts)
        tell = not self._problems.has_told(LINK_NOT_PUBLIC, field)
        if origin and not (tell and self._is_private(origin)):
            return texts
        links = [read_link(text) or None for text in texts]
        return self._usual([None if tell and link and self._is_private(link) else link for link in links])

    def _is_private(self, link: str) -> bool:
        return not self._public[link.split("/", 3)[2]]

    def _images(self, texts: Sequence[str], more: Sequence[str]) -> tuple[Sequence[str], Iterable[tuple[str, ...]]]:
        """What ``read_images`` finds in each row."""
        filled = [text for text in more if text]
        if _are_single(texts) and (not filled or _are_single(filled)):
            links = self._links(texts, "image_link")
            pairs = zip(links, more, strict=True)
            return links, [(other,) if other and other != link else () for link, other in pairs] if filled else repeat(
                ()
            )
        found = list(map(self._images_of, texts, more))
        tell = not self._problems.has_told(LINK_NOT_PUBLIC, "image_link")
        found = [None if one and tell and one[0] and self._is_private(one[0]) else one for one in found]
        self._usual(found)
        pictures = [one or ("", ()) for one in found]
        return [link for link, _ in pictures], [others for _, others in pictures]

    def _images_of(self, text: str, more: str) -> tuple[str, tuple[str, ...]] | None:
        found = read_images({"image_link": text, "additional_image_link": more}, self._unheard)
        if not self._unheard.collected:
            return found
        self._unheard.collected.clear()
        return None


def _ids(texts: Sequence[str]) -> Sequence[str | None]:
    if are_plain(texts) and max(map(len, map(str.encode, texts))) <= PRODUCT_ID_MAX_BYTES:
        return texts
    ids = map(read_id, texts)
    return [None if is_nothing(product_id) else product_id for product_id in ids]


def _titles(texts: Sequence[str]) -> Sequence[str | None]:
    entities = any("&" in text and ";" in text for text in texts)
    if not entities and are_plain(texts) and max(map(len, texts)) <= TITLE_CHARACTERS:
        return texts
    titles = map(read_line, texts)
    return [None if len(title) > TITLE_CHARACTERS or is_nothing(title) else title for title in titles]


def _are_single(texts: Sequence[str]) -> bool:
    """Whether each is one address that needs no reading, and not that of a drawing."""
    if not shared_origin(texts):
        return False
    together = "\n".join((*texts, ""))
    return together.count("://") == len(texts) and ".svg\n" not in together and ".SVG\n" not in together
