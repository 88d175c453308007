"""What is wrong with a row, and what is wrong with a feed as a whole."""

from typing import NamedTuple

FOUND_LIMIT = 120
"""Characters of the shop's own text kept in a problem."""


class RowProblem(NamedTuple):
    """One finding about one row, in words a shop owner understands.

    ``line`` counts from 1 and is where the row begins (in XML past line 65,535 it may be the next one);
    ``product_id`` is empty where the row has none that is usable. ``code`` names the kind of problem for machines and
    stays the same over versions; ``fix`` says what the owner of the feed does about it. ``expected`` and ``fix`` never
    repeat the row's own text, so equal problems can be counted together.

    ``left_out`` is False where the row was imported all the same: only this field was dropped, changed or worth a
    word. A row that is left out has exactly one problem: the first one met.
    """

    line: int
    product_id: str
    field: str
    found: str
    expected: str
    code: str
    fix: str
    left_out: bool = True


class ProblemKind(NamedTuple):
    """What problems of one ``code`` have in common; see ``RowProblem``."""

    code: str
    expected: str
    fix: str

    def at(self, line: int, product_id: str, field: str, found: str, *, left_out: bool) -> RowProblem:
        """A problem of this kind; ``found`` is the shop's text, of any length."""
        return RowProblem(line, product_id, field, shorten(found), self.expected, self.code, self.fix, left_out)


class RowProblems:
    """Collects the problems of one feed, row by row: ``begin`` a row, then tell what is wrong with it.

    ``collected`` is emptied by whoever reads it. What is told once is so for the whole feed.
    """

    __slots__ = ("_once", "collected", "line", "product_id")

    def __init__(self) -> None:
        self.collected: list[RowProblem] = []
        self.line = 0
        self.product_id = ""
        self._once: set[tuple[ProblemKind, str]] = set()

    def leave_out(self, kind: ProblemKind, field: str, found: str) -> None:
        """The row can not be used."""
        self.collected.append(kind.at(self.line, self.product_id, field, found, left_out=True))

    def tell(self, kind: ProblemKind, field: str, found: str) -> None:
        """The row is used all the same."""
        self.collected.append(kind.at(self.line, self.product_id, field, found, left_out=False))

    def tell_once(self, kind: ProblemKind, field: str, found: str) -> None:
        """What is likely to be so in every row that follows."""
        if (kind, field) not in self._once:
            self._once.add((kind, field))
            self.tell(kind, field, found)

    def has_told(self, kind: ProblemKind, field: str) -> bool:
        """Whether ``tell_once`` would be silent."""
        return (kind, field) in self._once


class FeedError(Exception):
    """The feed can not be read (further). The message says the line and what was expected there.

    ``code`` names the kind of error for machines, ``fix`` says what the owner of the feed does about it.
    """

    def __init__(self, message: str, *, code: str, fix: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix


def shorten(text: str) -> str:
    """The shop's text, cut to ``FOUND_LIMIT`` characters for a report."""
    return text if len(text) <= FOUND_LIMIT else text[: FOUND_LIMIT - 1] + "…"
