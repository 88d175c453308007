"""What an import did, counted while it runs."""

from typing import NamedTuple

from adserver.catalog.problem import RowProblem
from adserver.catalog.problem_kinds import ID_REPEATED
from adserver.model.product import Product

EXAMPLES = 20
"""Examples kept per kind of problem."""

_KINDS = 500


class _Kind(NamedTuple):
    """Problems that are counted together."""

    code: str
    field: str
    expected: str
    left_out: bool


class ImportSummary:
    """Counts products, rows left out, and problems by kind.

    ``products`` are those that the reader yielded, ``repeated`` those of them whose place a later one with the same id
    took. Memory is bounded: ``EXAMPLES`` per kind, and past the first few hundred kinds problems count under their code
    and field alone.
    """

    def __init__(self) -> None:
        self.products = 0
        self.left_out = 0
        self.repeated = 0
        self._counts: dict[_Kind, int] = {}
        self._fixes: dict[_Kind, str] = {}
        self._examples: dict[_Kind, list[RowProblem]] = {}

    def add(self, item: Product | RowProblem) -> None:
        """Count one thing that the reader yielded."""
        if isinstance(item, Product):
            self.products += 1
            return
        self.left_out += item.left_out
        self.repeated += item.code == ID_REPEATED.code
        kind = _Kind(item.code, item.field, item.expected, item.left_out)
        if kind not in self._counts and len(self._counts) >= _KINDS:
            kind = kind._replace(expected="")
        self._count(kind, item.fix, 1)
        examples = self._examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(item)

    def found_repeated(self, products: int) -> None:
        """So many in all, says the store; it knows of those too of which the reader could not tell."""
        if products > self.repeated:
            kind = _Kind(ID_REPEATED.code, "id", ID_REPEATED.expected, left_out=False)
            self._count(kind, ID_REPEATED.fix, products - self.repeated)
            self.repeated = products

    def as_dict(self) -> dict[str, object]:
        """For JSON, always in this shape; what costs whole rows comes first, then what is most frequent::

        {"products": 9999,               # in the catalog afterwards
         "left_out": 1,                  # rows that are not
         "problems": [
           {"code": "price_unreadable",  # for machines; stays the same over versions
            "field": "price",
            "expected": "a number and a currency code, such as \\"129.00 EUR\\"",
            "fix": "Write the price as ...",
            "left_out": true,            # false: the rows were imported all the same
            "count": 1,
            "examples": [                # the first EXAMPLES of them; none where only the store saw it
              {"line": 17, "product_id": "SKU1", "found": "free"}]}]}
        """
        kinds = sorted(self._counts, key=lambda kind: (not kind.left_out, -self._counts[kind], kind))
        return {
            "products": self.products - self.repeated,
            "left_out": self.left_out,
            "problems": [
                {
                    "code": kind.code,
                    "field": kind.field,
                    "expected": kind.expected,
                    "fix": self._fixes[kind],
                    "left_out": kind.left_out,
                    "count": self._counts[kind],
                    "examples": [_example(problem) for problem in self._examples.get(kind, ())],
                }
                for kind in kinds
            ],
        }

    def _count(self, kind: _Kind, fix: str, problems: int) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + problems
        self._fixes.setdefault(kind, fix)


def _example(problem: RowProblem) -> dict[str, object]:
    return {"line": problem.line, "product_id": problem.product_id, "found": problem.found}
