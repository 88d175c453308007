"""Which row of a table is its header, how its cells are parted and quoted, and where the fields stand in it."""

import csv
import io
import re
from _csv import Reader
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from adserver.catalog.currency import is_code
from adserver.catalog.fields import ALIASES, REQUIRED, WITH_TAX
from adserver.catalog.problem import FeedError

COLUMNS = 1_000
"""Most columns of a table."""

BEFORE_ITS_OWN_NAME = -1
"""The rank of a name that is meant even where the field's own name is there too."""

_DELIMITERS = "\t,;|^~\x1f\x01"
_QUOTES = "\"'"
_ROWS_BEFORE = 50
_ROWS_TRIED = 200
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_QUOTED = re.compile(r"""(["'])(?:(?!\1)[^\\]|\1\1|\\.)*\1""", re.DOTALL)
_SHOWN = 8
_MANY = "additional_image_link"
_YAML = re.compile(
    r"(?:---[^\n]*\n)?\s*(?:-[ ]+)?[A-Za-z_][A-Za-z0-9_ ]*:(?:[ ][^\n]*)?\n[ ]*(?:-[ ]+)?[A-Za-z_][A-Za-z0-9_ ]*:"
)
_EXPORT = "Export the feed for Google Merchant Center or as a Meta catalog, and give us that file."
_COUNTRY = re.compile(r"[_.]?[(\[]?([a-z]{2}|[a-z]{2}_[a-z]{2}|[a-z]{3})[)\]]?")
_PARTS_OF_LINKS = frozenset({"handle", "url_key", "slug", "url_path"})
_OF_WOOCOMMERCE = frozenset({"sku", "regular_price", "visibility_in_catalog"})
_COLUMNS_EXPECTED = "expected the columns " + ", ".join(REQUIRED)


class Dialect(NamedTuple):
    """How cells are parted and quoted; the words of the ``csv`` module. ``quote`` is empty where nothing is quoted."""

    delimiter: str
    quote: str = '"'
    escape: str | None = None

    def reader(self, lines: Iterator[str]) -> Reader:
        """Rows of cells; raises ``csv.Error`` where quotes stand wrong."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape,
            strict=True,
        )


class Header(NamedTuple):
    """``line`` is the header row's last line, counted from 1; ``columns`` are (field, index of its cell).

    ``more_images`` are the cells of further ``additional_image_link`` columns. Cells from ``named`` on have no name.
    """

    dialect: Dialect
    line: int
    width: int
    named: int
    columns: tuple[tuple[str, int], ...]
    more_images: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        fields = {field for field, _ in self.columns}
        return [field for field in REQUIRED if field not in fields]


@lru_cache(maxsize=4_096)
def normalise(name: str) -> str:
    """``g:Image Link`` is ``image_link``."""
    return _BETWEEN_WORDS.sub("_", name.strip().lower().removeprefix("g:").strip())


@cache
def ranks() -> dict[str, int]:
    """Of several names for one field the one with the lowest rank is meant."""
    return {name: BEFORE_ITS_OWN_NAME if name in WITH_TAX else rank for rank, name in enumerate(ALIASES)}


def find_header(text: str) -> Header:
    """The header of a table that begins with ``text``: the row near its beginning that names the most fields.

    Rows above it are a title, or comments that begin with ``#``. Raises ``FeedError`` where a required field is
    missing.
    """
    candidates = [header for delimiter in _DELIMITERS for header in _candidates(text, Dialect(delimiter))]
    if _YAML.match(text):
        raise FeedError("line 1: the feed is YAML; expected XML, JSON or a table", code="feed_is_yaml", fix=_EXPORT)
    if not candidates:
        raise FeedError(
            "line 1: neither XML, JSON nor a table; " + _COLUMNS_EXPECTED,
            code="feed_format_unknown",
            fix=_EXPORT,
        )
    header = max(candidates, key=lambda one: (len(one.missing) < 2, len(one.columns), -one.line))
    if not header.columns:
        header = candidates[0]
        raise FeedError(
            f"line {header.line}: neither XML, JSON nor a table with a header row; " + _COLUMNS_EXPECTED,
            code="feed_format_unknown",
            fix="Put the names of the fields into the first row, as Google Merchant Center has them.",
        )
    if header.missing:
        raise _lacking(header)
    if header.width > COLUMNS:
        raise FeedError(
            f"line {header.line}: {header.width:,} columns; expected at most {COLUMNS:,}",
            code="table_too_wide",
            fix="Export only the columns that a product feed needs.",
        )
    return header._replace(dialect=_quoting(text, header))


def _lacking(header: Header) -> FeedError:
    """Says more where it is known what the columns are: those of several countries, or the list of a shop's program."""
    names = [name for name in header.names if name]
    alike = [name for field in header.missing for name in names if _for_a_country(name, field)]
    shown = ", ".join(name[:40] for name in names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    return FeedError(
        f"line {header.line}: the header row lacks {', '.join(header.missing)}; it has {shown}; "
        f"expected at least {', '.join(REQUIRED)}",
        code="header_incomplete",
        fix=_fix_of(header.missing, names, alike),
    )


def _for_a_country(name: str, field: str) -> bool:
    """``price_de``, ``price[USD]``, ``title.en``."""
    behind = _COUNTRY.fullmatch(name.removeprefix(field)) if name.startswith(field) else None
    return behind is not None and (len(behind[1]) != 3 or is_code(behind[1].upper()))


def _fix_of(missing: list[str], names: list[str], alike: list[str]) -> str:
    part = next((name for name in names if name in _PARTS_OF_LINKS), "")
    if alike:
        fields = " and ".join(field for field in missing if any(name.startswith(field) for name in alike))
        return f"Export one of these as {fields}, that of the country you advertise in: {', '.join(alike[:_SHOWN])}."
    if "link" in missing and (part or set(names) >= _OF_WOOCOMMERCE):
        only = f", only the ends of them ({part})" if part else ""
        return f"This is a list for moving products to another shop; it has no addresses of pages{only}. {_EXPORT}"
    return f"Add {', '.join(missing)} to the export."


def _candidates(text: str, dialect: Dialect) -> Iterator[Header]:
    """Every row near the beginning that could be the header, as this delimiter sees it."""
    for row, line in _rows(text, dialect, _ROWS_BEFORE):
        if any(row) and not row[0].lstrip().startswith("#"):
            yield _header(row, line, dialect)


def _rows(text: str, dialect: Dialect, most: int) -> Iterator[tuple[list[str], int]]:
    """Rows that can be read, each with its last line."""
    cells = dialect.reader(io.StringIO(text, newline="\n"))
    for _ in range(most):
        try:
            row = next(cells)
        except StopIteration:
            return
        except csv.Error:
            continue
        yield row, cells.line_num


def _header(row: list[str], line: int, dialect: Dialect) -> Header:
    """The row as a header; names in single quotes have them taken off."""
    names = tuple(normalise(cell.strip().strip("'")) for cell in row)
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        field = ALIASES.get(name)
        if field is not None and (field not in first or ranks()[name] < ranks()[names[first[field]]]):
            first[field] = index
    more = [index for index, name in enumerate(names) if ALIASES.get(name) == _MANY and index != first[_MANY]]
    named = max((index + 1 for index, name in enumerate(names) if name), default=0)
    return Header(dialect, line, len(row), named, tuple(first.items()), tuple(more), names)


def _quoting(text: str, header: Header) -> Dialect:
    """The way of quoting in which most of the first rows are as wide as the header, and no cell keeps its quotes."""
    delimiter = header.dialect.delimiter
    ways = [Dialect(delimiter)]
    for quote in _QUOTES:
        ways += [Dialect(delimiter, quote)] * (quote in text)
        ways += [Dialect(delimiter, quote, "\\")] * ("\\" + quote in text)
    if len(ways) > 1:
        ways.append(Dialect(delimiter, ""))
    return max(ways, key=lambda way: _fit(text, way, header))


def _fit(text: str, dialect: Dialect, header: Header) -> tuple[int, int]:
    """How many rows come out right, and minus how many cells still have quotes around them."""
    good = quoted = 0
    for row, _ in _rows(text, dialect, _ROWS_TRIED):
        good += len(row) == header.width
        quoted += sum(cell[:1] in _QUOTES and _QUOTED.fullmatch(cell) is not None for cell in row if cell)
    return good - quoted, -quoted
