"""Some fields of one product changed, as a JSON merge patch says (RFC 7396), read as a feed would be read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from adserver.catalog.fields import LABELS
from adserver.catalog.price import LARGEST
from adserver.catalog.problem import ProblemKind, RowProblem, shorten
from adserver.catalog.row import RowReader
from adserver.model.product import MICROS, Product

_SETS: Mapping[str, tuple[str, ...]] = {
    "title": ("title",),
    "link": ("link",),
    "price": ("price", "currency"),
    "sale_price": ("sale_price",),
    "sale_price_effective_date": ("sale_from", "sale_until"),
    "availability": ("availability",),
    "image_link": ("image_link",),
    "additional_image_link": ("more_images",),
    "brand": ("brand",),
    "item_group_id": ("item_group_id",),
    "product_type": ("category",),
    "condition": ("condition",),
    "color": ("color",),
    "size": ("size",),
    "description": ("description",),
} | dict.fromkeys(LABELS, ("labels",))
"""The fields that can be changed, and what of a product each of them sets."""

CHANGEABLE = tuple(_SETS)
_NEEDED = frozenset({"title", "link", "price"})
_PRICES = frozenset({"price", "sale_price"})
_DATES = "sale_price_effective_date"

_HINTS = frozenset({"title_cut", "link_not_public", "currency_missing", "currency_other", "sale_dates_in_utc"})
"""What a feed's report tells of a value that is used all the same."""

_LARGEST_EXPONENT = 20

_UNKNOWN = ProblemKind("field_unknown", f"one of: {', '.join(CHANGEABLE)}", "Leave it out, or correct its name.")
_FIXED = ProblemKind("id_fixed", "the id only in the address", "Leave the id out of the body.")
_NO_TEXT = ProblemKind("not_text", "text as a feed has it, or null for nothing", "Write the value as a text.")
_NO_PRICE = ProblemKind(
    "not_text", "text as a feed has it, a number, or null for nothing", 'Write the price as "129.00 EUR".'
)
_NOT_UNICODE = ProblemKind("not_unicode", "whole characters", "Write characters beyond U+FFFF in both of their halves.")
_NO_SALE = ProblemKind(
    "sale_dates_without_sale", "a sale_price that the dates are about", "Send sale_price together with its dates."
)

_ANYTHING = {"title": "x", "link": "https://shop.example/"}
"""In the place of what is needed and stays as it is."""


def changed(product: Product, patch: Mapping[str, object]) -> Product | list[RowProblem]:
    """The product as ``patch`` wants it, else all that is wrong with the patch.

    Values are text as a feed has it, or None for nothing; prices may be ``Decimal`` too. A price without a currency is
    in that of the product. The history stays as it is.
    """
    problems: list[RowProblem] = []
    texts: dict[str, str] = {}
    for field, value in patch.items():
        text = _text(field, value)
        if isinstance(text, ProblemKind):
            problems.append(_problem(product, text, field, "" if value is None else str(value)))
        else:
            texts[field] = text
    result, found = _read(product, texts)
    return problems + found or result


def settable(patch: Mapping[str, object]) -> frozenset[str]:
    """What of a product ``patch`` sets."""
    return frozenset(name for field in patch for name in _SETS.get(field, ()))


def fields_of(product: Product) -> dict[str, str]:
    """The product as a feed has it, without what is empty: the same fields that can be changed, and its id."""
    labels = dict(zip(LABELS, product.labels, strict=False))
    fields = {
        "id": product.id,
        "title": product.title,
        "link": product.link,
        "image_link": product.image_link,
        "additional_image_link": ",".join(product.more_images),
        "price": _money(product.price, product.currency),
        "sale_price": _money(product.sale_price, product.currency) if product.sale_price is not None else "",
        _DATES: _dates(product.sale_from, product.sale_until),
        "availability": product.availability.value,
        "brand": product.brand,
        "item_group_id": product.item_group_id,
        "product_type": product.category,
        "condition": product.condition,
        "color": product.color,
        "size": product.size,
        "description": product.description,
        **labels,
    }
    return {field: text for field, text in fields.items() if text}


def _text(field: str, value: object) -> str | ProblemKind:
    """A value as a feed would have it; empty for nothing."""
    if field not in _SETS:
        return _FIXED if field == "id" else _UNKNOWN
    if value is None:
        return ""
    if isinstance(value, Decimal) and field in _PRICES and abs(value.adjusted()) <= _LARGEST_EXPONENT:
        return _decimal(format(value, "f"))
    if not isinstance(value, str):
        return _NO_PRICE if field in _PRICES else _NO_TEXT
    return value if _is_unicode(value) else _NOT_UNICODE


def _decimal(number: str) -> str:
    """A number's point is one: with a fourth decimal nobody takes it for a mark of thousands, as in ``1.299``."""
    return number + "0" if number[-4:-3] == "." else number


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(product: Product, texts: dict[str, str]) -> tuple[Product, list[RowProblem]]:
    """The product with ``texts``, and what is wrong with them. A row of a feed ends with its first fatal flaw: each one
    found is put right, to find those behind it."""
    row = _row(product, texts)
    told: dict[tuple[str, str], RowProblem] = {}
    while True:
        reader = RowReader(product.currency)
        read = reader.read(0, row)
        for problem in reader.problems:
            if problem.code not in _HINTS and _is_about(problem.field, texts):
                told[problem.field, problem.code] = problem
        if read is not None:
            break
        field = reader.problems[-1].field
        # Whether a sale is below a price that can not be read, nobody knows: it is below this one.
        row[field] = f"{LARGEST} {product.currency}" if field == "price" else _ANYTHING[field]
    if _has_dates_only(product, texts):
        told[_DATES, _NO_SALE.code] = _problem(product, _NO_SALE, _DATES, texts[_DATES])
    return (product if told else _with(product, read, texts)), list(told.values())


def _row(product: Product, texts: dict[str, str]) -> dict[str, str]:
    """A row that is good as far as it is the product's own."""
    row = {"id": "x", **_ANYTHING, "price": _money(product.price, product.currency)}
    if product.sale_price is not None:
        row["sale_price"] = _money(product.sale_price, product.currency)
    return row | dict(zip(LABELS, product.labels, strict=False)) | texts


def _is_about(field: str, texts: Mapping[str, str]) -> bool:
    """Whether a problem with ``field`` comes from what is changed. A price may end a sale that was one before."""
    if field not in texts:
        return field == "sale_price" and "price" in texts
    return field in _NEEDED or not _is_blank(texts[field])


def _has_dates_only(product: Product, texts: Mapping[str, str]) -> bool:
    sale = texts.get("sale_price", "" if product.sale_price is None else "as it was")
    return _is_blank(sale) and not _is_blank(texts.get(_DATES, ""))


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _with(product: Product, read: Product, texts: Mapping[str, str]) -> Product:
    names = {name for field in texts for name in _SETS[field]}
    if read.sale_price is None and "sale_price" in texts:
        names |= {"sale_from", "sale_until"}
    return product._replace(**{name: getattr(read, name) for name in names})


def _problem(product: Product, kind: ProblemKind, field: str, found: str) -> RowProblem:
    return kind.at(0, product.id, shorten(_readable(field)), _readable(found), left_out=True)


def _readable(text: str) -> str:
    """What JSON can hold that UTF-8 can not, as question marks."""
    return text.encode(errors="replace").decode()


def _money(micros: int, currency: str) -> str:
    whole, rest = divmod(micros, MICROS)
    return f"{whole}.{f'{rest:06d}'.rstrip('0'):0<2} {currency}"


def _dates(begin: int, end: int) -> str:
    return f"{_moment(begin)}/{_moment(end)}" if begin or end else ""


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if second else ""
