"""What an import did, counted while it runs."""

from adserver.catalog.problem import RowProblem
from adserver.model.product import Product

EXAMPLES = 20
"""Examples kept per kind of problem."""

_KINDS = 500


class ImportSummary:
    """Counts products, rows left out, and problems by (field, what was expected).

    Memory is bounded: ``EXAMPLES`` per kind, and problems past the first few hundred kinds count under their
    field alone.
    """

    def __init__(self) -> None:
        self.products = 0
        self.left_out = 0
        self._counts: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], list[RowProblem]] = {}

    def add(self, item: Product | RowProblem) -> None:
        """Count one thing that the reader yielded."""
        if isinstance(item, Product):
            self.products += 1
            return
        self.left_out += item.left_out
        kind = (item.field, item.expected)
        if kind not in self._counts and len(self._counts) >= _KINDS:
            kind = (item.field, "")
        self._counts[kind] = self._counts.get(kind, 0) + 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(item)

    def as_dict(self) -> dict[str, object]:
        """For JSON: counts, and the kinds of problems with the most frequent first."""
        kinds = sorted(self._counts, key=lambda kind: (-self._counts[kind], kind))
        return {
            "products": self.products,
            "left_out": self.left_out,
            "problems": [
                {
                    "field": kind[0],
                    "expected": kind[1],
                    "count": self._counts[kind],
                    "examples": [_example(problem) for problem in self._examples[kind]],
                }
                for kind in kinds
            ],
        }


def _example(problem: RowProblem) -> dict[str, object]:
    return {
        "line": problem.line,
        "product_id": problem.product_id,
        "found": problem.found,
        "left_out": problem.left_out,
    }
