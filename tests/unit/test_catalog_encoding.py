"""Encodings of feeds: marks, declarations, guesses, and bytes that fit none of them."""

import pytest

from adserver.catalog.feed import FeedError, RowProblem
from adserver.model.product import Product
from tests.feeds import codes, products, read

HEADER = "id\ttitle\tlink\tprice\n"
ROW = "1\t{}\thttp://e/1\t5.00 EUR\n"
TITLES = {
    "de": "Größe für Damen, weiß – schöne Stiefel",
    "fr": "Bottes d’été à talons, très élégantes, 129 €",
    "es": "Botas de niño, tamaño pequeño, corazón",
    "sv": "Stövlar för dam, svarta, äkta läder",
    "pl": "Buty damskie zażółć gęślą jaźń, skórzane",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "tr": "Kadın bot siyah deri çizme şık güneş",
    "ru": "Сапоги женские кожаные чёрные зимние",
    "el": "Γυναικείες μπότες δερμάτινες",
    "ja": "女性用ブーツ黒い革のロングブーツ",
    "ko": "여성용 부츠 검은 가죽 롱부츠",
    "zh": "女士黑色皮靴子冬季新款",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *((language, "cp1252") for language in ("de", "fr", "es", "sv")),
        *((language, encoding) for language in ("pl", "cs") for encoding in ("cp1250", "iso8859-2")),
        ("tr", "cp1254"),
        ("ru", "cp1251"),
        ("ru", "koi8-r"),
        ("el", "cp1253"),
        ("ja", "shift_jis"),
        ("ja", "euc_jp"),
        ("ko", "euc_kr"),
        ("zh", "gb18030"),
        ("zh", "big5"),
    ],
)
def test_encodings_are_guessed_by_how_words_look(language: str, encoding: str) -> None:
    title = TITLES[language].encode(encoding, "ignore").decode(encoding)
    notice, *found = read((HEADER + ROW.format(title) * 20).encode(encoding))
    assert {product.title for product in found if isinstance(product, Product)} == {title}
    assert isinstance(notice, RowProblem)
    assert (notice.code, notice.left_out) == ("encoding_guessed", False)


@pytest.mark.parametrize("language", sorted(TITLES))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_encoding_is_read(language: str, encoding: str) -> None:
    data = (HEADER.replace("\n", "\r\n") + ROW.format(TITLES[language]) * 3).encode(encoding)
    assert {product.title for product in products(data)} == {TITLES[language]}
    assert codes(data) == (["encoding_guessed"] if encoding in {"utf-16-le", "utf-16-be"} else [])


def test_both_marks_of_utf16_are_read() -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert products(mark + (HEADER + ROW.format("Bö")).encode(encoding))[0].title == "Bö"


DOCUMENT = (
    '<?xml version="1.0" encoding="{}"?><rss><item><id>1</id><title>{}</title><link>http://e/1</link>'
    "<price>5</price></item></rss>"
)


@pytest.mark.parametrize(
    ("declared", "encoding", "told"),
    [
        ("iso-8859-1", "cp1252", []),
        ("ISO-8859-15", "iso8859-15", []),
        ("windows-1252", "cp1252", []),
        ("utf-8", "utf-8", []),
        ("us-ascii", "utf-8", []),
        ("utf-16", "utf-16", []),
        ("utf-7", "utf-8", []),
        ("rot13", "utf-8", []),
        ("nonsense", "utf-8", []),
        ("iso-8859-1", "utf-8", ["encoding_guessed"]),
        ("utf-8", "cp1252", ["encoding_guessed"]),
        ("utf-16", "utf-8", []),
        ("utf-8", "utf-16", []),
    ],
)
def test_what_xml_declares_counts_where_it_can_be_true(declared: str, encoding: str, told: list[str]) -> None:
    data = DOCUMENT.format(declared, "Größe 5 für Mädchen").encode(encoding)
    assert [product.title for product in products(data)] == ["Größe 5 für Mädchen"]
    assert codes(data) == told


def test_utf7_hides_nothing() -> None:
    data = DOCUMENT.format("utf-7", "+ADw-b+AD4-").encode()
    assert products(data)[0].title == "+ADw-b+AD4-"


def test_a_first_letter_beyond_ascii_may_come_late() -> None:
    data = (HEADER + ROW.format("Boots") * 5_000 + ROW.format("Stövel für Käthe")).encode("latin-1")
    notice = next(item for item in read(data) if isinstance(item, RowProblem))
    assert (notice.code, notice.line > 1_000) == ("encoding_guessed", True)
    assert products(data)[-1].title == "Stövel für Käthe"


def test_single_bytes_of_another_encoding_are_read_as_windows_1252_and_told() -> None:
    data = (HEADER + ROW.format("Größe")).encode() + ROW.format("Größe").encode("cp1252") * 2
    data += ROW.format("Größe").encode()
    assert [product.title for product in products(data)] == ["Größe"] * 4
    (notice,) = [item for item in read(data) if isinstance(item, RowProblem)]
    assert (notice.code, notice.line, notice.left_out) == ("encoding_mixed", 3, False)


def test_a_character_cut_at_the_end_is_refused() -> None:
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(FeedError, match="ends in the middle of a character") as caught:
            read((HEADER + ROW.format("ä") + "ä").encode(encoding)[:-1])
        assert caught.value.code == "feed_cut_off"
