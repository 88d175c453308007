"""Feeds and attacks out of other projects, beside the checkout; skipped where they are not there."""

import contextlib
import csv
import io
import json
import re
import time
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adserver.catalog.feed import FeedError, RowProblem, read_feed
from adserver.catalog.fields import FIELDS
from adserver.catalog.header import Dialect, Header
from adserver.catalog.source import TextSource
from adserver.catalog.summary import ImportSummary
from adserver.catalog.table import rows_of
from adserver.model.product import Product

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FEEDS = DATA / "feeds"
ATTACKS = DATA / "security" / "xml-attacks"
GOOGLE = "{http://base.google.com/ns/1.0}"

pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason=f"no real feeds in {FEEDS}")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def name(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


def expected() -> list[dict[str, Any]]:
    path = FEEDS / "EXPECTED.json"
    if not path.is_file():
        return []
    feeds: list[dict[str, Any]] = json.loads(path.read_text())
    return feeds


def read(path: Path) -> list[Product | RowProblem]:
    with path.open("rb") as stream:
        return list(read_feed(stream, currency="EUR"))


def products(items: list[Product | RowProblem]) -> list[Product]:
    return [item for item in items if isinstance(item, Product)]


REFUSED = {
    "merchant-delimited/pfp_examples_07_streaming_jsonl_expected_output.csv": "header_incomplete",
    "other/bagisto_products.csv": "header_incomplete",
    "other/bagisto_products-with-errors.csv": "header_incomplete",
    "other/bagisto_products-image-urls.csv": "header_incomplete",
    "other/bagisto_products-directory-images.csv": "header_incomplete",
    "other/commercetools_products-ci.csv": "header_incomplete",
    "other/commercetools_categories.csv": "feed_format_unknown",
    "other/aws_retail_demo_store_products.yaml": "feed_is_yaml",
}
"""Feeds in which a required field has no column, or of a format that is not read."""


@pytest.mark.parametrize("feed", expected(), ids=lambda feed: str(feed["file"]))
def test_every_item_is_a_product_or_left_out(feed: dict[str, Any]) -> None:
    path = FEEDS / feed["file"]
    if feed["file"] in REFUSED:
        with pytest.raises(FeedError, match=r"line \d+: ") as caught:
            read(path)
        assert caught.value.code == REFUSED[feed["file"]]
        assert caught.value.fix
        return
    found = read(path)
    left_out = sum(isinstance(item, RowProblem) and item.left_out for item in found)
    assert len(products(found)) + left_out == feed.get("items", feed.get("data_rows", feed.get("lines")))
    assert {item.code for item in found if isinstance(item, RowProblem)}.isdisjoint(OF_READING)


OF_READING = {"cells_uneven", "quote_misplaced", "xml_broken", "json_broken_item", "encoding_guessed", "encoding_mixed"}
GOOGLE_AND_META = [feed for feed in expected() if feed["file"].startswith(("google-merchant/", "meta/"))]


@pytest.mark.parametrize("feed", GOOGLE_AND_META, ids=lambda feed: str(feed["file"]))
def test_ids_and_prices_are_those_expected(feed: dict[str, Any]) -> None:
    found = products(read(FEEDS / feed["file"]))
    if feed["format"] != "xml":
        assert len(found) == feed["data_rows"]
        return
    assert [product.id for product in found] == feed["ids"]
    amounts = [raw.split() for raw in feed["prices_raw"]]
    assert [(product.price, product.currency) for product in found] == [
        (int(Decimal(amount) * 1_000_000), code) for amount, code in amounts
    ]


def test_every_feed_of_google_and_meta_is_read_without_loss() -> None:
    for path in files(FEEDS / "google-merchant") + files(FEEDS / "meta"):
        summary = ImportSummary()
        for item in read(path):
            summary.add(item)
        assert summary.products > 0, name(path)
        assert summary.left_out == 0, name(path)


def test_the_nested_price_of_shipping_does_not_overwrite() -> None:
    (product,) = products(read(FEEDS / "google-merchant" / "criteo_style_google_sample.xml"))
    assert (product.price, product.sale_price, product.currency) == (1_299_990_000, 1_199_990_000, "EUR")


def test_metas_template_with_its_comment_row() -> None:
    (product,) = products(read(FEEDS / "meta" / "catalog_products_template_bom_comment_rows.csv"))
    assert (product.id, product.title, product.price, product.currency) == (
        "1234567",
        "Toy Cat",
        10_000_000,
        "USD",
    )


@pytest.mark.parametrize("path", sorted((FEEDS / "google-merchant").glob("*.xml")), ids=name)
def test_the_same_rows_as_a_table_are_the_same_products(path: Path) -> None:
    out = io.StringIO()
    table = csv.DictWriter(out, FIELDS, delimiter="\t")
    table.writeheader()
    for item in etree.parse(path).iterfind(".//item"):
        texts = {field: item.findtext(GOOGLE + field) or item.findtext(field) or "" for field in FIELDS}
        texts["additional_image_link"] = ",".join(
            one.text or "" for one in item.iterfind(GOOGLE + "additional_image_link")
        )
        table.writerow(texts)
    twin = list(read_feed(io.BytesIO(out.getvalue().encode()), currency="EUR"))
    assert products(twin) == products(read(path))


@pytest.mark.parametrize("path", [path for path in files(ATTACKS) if path.suffix == ".xml"], ids=name)
def test_attacks_are_refused_quickly_and_cheaply(path: Path) -> None:
    tracemalloc.start()
    began = time.perf_counter()
    try:
        if path.name in {"simple.xml", "simple-ns.xml"}:
            assert [item.code for item in read(path) if isinstance(item, RowProblem)] == ["xml_no_items"]
        else:
            with pytest.raises(FeedError, match="document type"):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 1


SPECTRUM = FEEDS / "odd-csv" / "csv-spectrum"


@pytest.mark.parametrize("path", sorted(SPECTRUM.glob("csvs/*.csv")), ids=name)
def test_cells_are_those_of_csv_spectrum(path: Path) -> None:
    truth = json.loads((SPECTRUM / "json" / path.with_suffix(".json").name).read_bytes())
    truth = truth if isinstance(truth, list) else [truth]
    header = Header(Dialect(","), 1, len(truth[0]), len(truth[0]), (), (), ())
    batches = rows_of(TextSource(io.BytesIO(path.read_bytes())), header)
    rows = [row for batch in batches for _, row in batch]
    if path.stem == "location_coordinates":  # its two files name different telephone numbers
        truth[0] = dict(truth[0], **dict.fromkeys([next(iter(truth[0]))], rows[0][0]))
    assert rows == [[cell.replace("\r\n", "\n") for cell in row.values()] for row in truth]


@pytest.mark.parametrize("path", sorted((FEEDS / "odd-xml").rglob("*.xml")), ids=name)
def test_ill_formed_xml_ends_in_items_or_a_refusal_with_its_line(path: Path) -> None:
    whole = re.search(rb"</[a-zA-Z:]+>\s*$", path.read_bytes()) and b"<!DOCTYPE" not in path.read_bytes()
    if whole and path.stem != "rdf_channel_empty_textinput":
        assert not products(read(path))
    else:
        with pytest.raises(FeedError, match=r"line \d+: ") as caught:
            read(path)
        assert caught.value.code in {"feed_cut_off", "xml_document_type"}


@pytest.mark.parametrize("path", sorted((FEEDS / "odd-csv" / "csvkit").iterdir()), ids=name)
def test_tables_that_are_no_feed_are_refused_with_a_reason(path: Path) -> None:
    with pytest.raises(FeedError, match=r"line \d+: ") as caught:
        read(path)
    assert caught.value.code in {"feed_format_unknown", "feed_empty", "feed_has_nul"}


@pytest.mark.parametrize("path", sorted((DATA / "security" / "json-parsing").glob("*.json")), ids=name)
def test_hostile_json_ends_in_rows_or_a_feed_error(path: Path) -> None:
    with contextlib.suppress(FeedError):
        assert not products(read(path))


@pytest.mark.parametrize("folder", ["odd-csv", "odd-xml", "merchant-delimited", "other", "google-retail"])
def test_odd_files_end_in_rows_or_a_feed_error(folder: str) -> None:
    for path in files(FEEDS / folder):
        began = time.perf_counter()
        with contextlib.suppress(FeedError):
            read(path)
        assert time.perf_counter() - began < 5, name(path)


@pytest.mark.parametrize("path", sorted((FEEDS / "google-merchant").glob("*.xml")), ids=name)
def test_a_feed_cut_anywhere_keeps_its_first_rows_and_says_so(path: Path) -> None:
    data = path.read_bytes().rstrip()
    whole = products(read(path))
    for end in range(0, len(data), 50):
        kept: list[Product] = []
        with pytest.raises(FeedError, match=r"line \d+: "):
            kept.extend(item for item in read_feed(io.BytesIO(data[:end]), currency="EUR") if isinstance(item, Product))
        ended = data[:end].count(b"</item>")
        assert kept[:ended] == whole[:ended]


def test_a_table_cut_anywhere_never_breaks_otherwise() -> None:
    data = (FEEDS / "meta" / "catalog_products_template_bom_comment_rows.csv").read_bytes()
    for end in range(0, len(data), 50):
        with contextlib.suppress(FeedError):
            list(read_feed(io.BytesIO(data[:end]), currency="EUR"))
