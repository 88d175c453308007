"""What the report of an import counts."""

import json
from typing import Any

from adserver.catalog.problem import ProblemKind, RowProblem
from adserver.catalog.problem_kinds import ID_REPEATED, IMAGE_UNUSABLE
from adserver.catalog.summary import EXAMPLES, ImportSummary
from adserver.model.product import Product

PRODUCT = Product(id="1", title="t", link="https://e/", image_link="", price=1, currency="EUR")
KIND = ProblemKind("price_unreadable", "a price", "Write one.")


def problem(line: int, kind: ProblemKind = KIND) -> RowProblem:
    return kind.at(line, "", "price", "x", left_out=True)


def report(summary: ImportSummary) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(summary.as_dict()))
    return found


def test_products_rows_left_out_and_kinds_of_problems_are_counted() -> None:
    summary = ImportSummary()
    summary.add(PRODUCT)
    for line in range(3 * EXAMPLES):
        summary.add(IMAGE_UNUSABLE.at(line, "1", "image_link", "y", left_out=False))
    for line in range(EXAMPLES + 5):
        summary.add(problem(line))
    told = report(summary)
    assert (told["products"], told["left_out"]) == (1, EXAMPLES + 5)
    price, image = told["problems"]
    assert {name: value for name, value in price.items() if name != "examples"} == {
        "code": "price_unreadable",
        "field": "price",
        "expected": "a price",
        "fix": "Write one.",
        "left_out": True,
        "count": EXAMPLES + 5,
    }
    assert [example["line"] for example in price["examples"]] == list(range(EXAMPLES))
    assert (image["code"], image["left_out"], image["count"]) == ("image_unusable", False, 3 * EXAMPLES)
    assert image["examples"][0] == {"line": 0, "product_id": "1", "found": "y"}


def test_a_product_whose_id_comes_twice_counts_once() -> None:
    summary = ImportSummary()
    for line in range(3):
        summary.add(PRODUCT)
        if line:
            summary.add(ID_REPEATED.at(line, "1", "id", "1", left_out=False))
    assert (report(summary)["products"], report(summary)["problems"][0]["count"]) == (1, 2)
    summary.found_repeated(2)
    assert (report(summary)["products"], report(summary)["problems"][0]["count"]) == (1, 2)


def test_the_store_knows_of_more_ids_that_came_twice() -> None:
    summary = ImportSummary()
    summary.products = 10
    summary.found_repeated(0)
    assert report(summary) == {"products": 10, "left_out": 0, "problems": []}
    summary.found_repeated(4)
    (repeated,) = report(summary)["problems"]
    assert (report(summary)["products"], repeated["code"], repeated["count"]) == (6, "id_repeated", 4)
    assert repeated["examples"] == []


def test_memory_is_bounded_by_kinds() -> None:
    summary = ImportSummary()
    for number in range(2_000):
        summary.add(problem(1, KIND._replace(expected=f"expectation {number}")))
    problems = report(summary)["problems"]
    assert len(problems) == 501
    assert sum(one["count"] for one in problems) == 2_000
