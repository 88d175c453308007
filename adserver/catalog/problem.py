"""What is wrong with a row, and what is wrong with a feed as a whole."""

from dataclasses import dataclass

FOUND_LIMIT = 120
"""Characters of the shop's own text kept in a problem."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One finding about one row, in words a shop owner understands.

    ``line`` counts from 1 and is where the row begins (in XML past line 65,535 it may be the next one);
    ``product_id`` is empty where the row has none that is
    usable. ``expected`` never repeats the row's own text, so equal problems can be counted together.
    ``left_out`` is False where the row was imported all the same and only this field was dropped. A row that
    is left out has exactly one problem: the first one met.
    """

    line: int
    product_id: str
    field: str
    found: str
    expected: str
    left_out: bool = True


class FeedError(Exception):
    """The feed can not be read (further). The message says the line and what was expected there."""


def shorten(text: str) -> str:
    """The shop's text, cut to ``FOUND_LIMIT`` characters for a report."""
    return text if len(text) <= FOUND_LIMIT else text[: FOUND_LIMIT - 1] + "…"
