"""What the report of an import counts."""

import json

from adserver.catalog.problem import RowProblem
from adserver.catalog.summary import EXAMPLES, ImportSummary
from adserver.model.product import Product

PRODUCT = Product(id="1", title="t", link="https://e/", image_link="", price=1, currency="EUR")


def test_products_rows_left_out_and_kinds_of_problems_are_counted() -> None:
    summary = ImportSummary()
    summary.add(PRODUCT)
    for line in range(EXAMPLES + 5):
        summary.add(RowProblem(line, "", "price", "x", "a price"))
    summary.add(RowProblem(99, "1", "image_link", "y", "a link", left_out=False))
    report = summary.as_dict()
    assert (report["products"], report["left_out"]) == (1, EXAMPLES + 5)
    price, image = json.loads(json.dumps(report["problems"]))
    assert (price["field"], price["expected"], price["count"]) == ("price", "a price", EXAMPLES + 5)
    assert [example["line"] for example in price["examples"]] == list(range(EXAMPLES))
    assert image["examples"] == [{"line": 99, "product_id": "1", "found": "y", "left_out": False}]


def test_memory_is_bounded_by_kinds() -> None:
    summary = ImportSummary()
    for number in range(2_000):
        summary.add(RowProblem(1, "", "price", "x", f"expectation {number}"))
    problems = summary.as_dict()["problems"]
    assert isinstance(problems, list)
    assert len(problems) == 501
    assert sum(problem["count"] for problem in problems) == 2_000
