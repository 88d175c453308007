"""The report of every real feed, as it was looked at and found true; skipped where the feeds are not there.

``REWRITE_GOLDEN=1 pytest tests/unit/test_catalog_reports.py`` writes them anew: look at each difference first.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from adserver.catalog.feed import FeedError, read_feed
from adserver.catalog.summary import ImportSummary
from adserver.model.product import Availability, Product

FEEDS = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
GOLDEN = Path(__file__).parents[1] / "golden" / "feeds"
FOLDERS = ("google-merchant", "google-retail", "merchant-delimited", "meta", "shopify", "other")
ODD = ("odd-csv", "odd-xml")
LINES = 5

pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason=f"no real feeds in {FEEDS}")


def files(folders: Iterable[str]) -> list[Path]:
    return sorted(path for folder in folders for path in (FEEDS / folder).rglob("*") if path.is_file())


def name(path: Path) -> str:
    return path.relative_to(FEEDS).as_posix()


def report(path: Path) -> dict[str, Any]:
    """What a feed became, without any of its own text: counts, codes, and the lines of the first examples."""
    summary, products, error = ImportSummary(), list[Product](), ""
    try:
        with path.open("rb") as stream:
            for item in read_feed(stream, currency="EUR"):
                summary.add(item)
                if isinstance(item, Product):
                    products.append(item)
    except FeedError as refused:
        error = refused.code
    told: Any = summary.as_dict()
    return {
        "error": error,
        "products": told["products"],
        "left_out": told["left_out"],
        "in_stock": sum(one.availability is Availability.IN_STOCK for one in products),
        "filled": {
            field: filled for field in Product._fields if (filled := sum(bool(getattr(one, field)) for one in products))
        },
        "problems": [
            {
                "code": problem["code"],
                "field": problem["field"],
                "left_out": problem["left_out"],
                "count": problem["count"],
                "lines": [example["line"] for example in problem["examples"][:LINES]],
            }
            for problem in told["problems"]
        ],
    }


def golden(file: str, found: dict[str, Any]) -> dict[str, Any]:
    """What was found true; ``found`` with ``REWRITE_GOLDEN``."""
    path = GOLDEN / file
    if os.environ.get("REWRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
    if not path.is_file():
        pytest.skip(f"nobody has looked at this feed yet: no {path}")
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


@pytest.mark.parametrize("path", files(FOLDERS), ids=name)
def test_the_report_of_a_real_feed(path: Path) -> None:
    found = report(path)
    assert found == golden(f"{path.parent.name}-{path.name}.json", found)


def test_the_reports_of_odd_files() -> None:
    """What is no feed at all, or is broken: refused as a whole or row by row, each with its code."""
    found = {}
    for path in files(ODD):
        one = report(path)
        codes = {problem["code"]: problem["count"] for problem in one["problems"]}
        found[name(path)] = {"error": one["error"], "products": one["products"], "problems": codes}
    kept = golden("odd.json", found)
    assert {file: found[file] for file in kept if file in found} == {file: kept[file] for file in kept if file in found}
