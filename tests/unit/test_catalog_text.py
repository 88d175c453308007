"""Plain text of a row: what is kept of it, and when it says nothing."""

import pytest

from adserver.catalog.text import (
    DESCRIPTION_CHARACTERS,
    has_placeholder,
    is_placeholder,
    means_none,
    read_category,
    read_description,
    read_id,
    read_line,
    read_name,
    shortened,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  Red \t\n  boots ", "Red boots"),
        ("Red\u00a0\u2028boots", "Red boots"),
        ("Red\x00 \x07 boots\x9f", "Red boots"),
        ("\u202eRed\u2066 boots", "Red boots"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("{{7*7}} ${x} %s", "{{7*7}} ${x} %s"),
        ("Levi&#39;s &amp; Co", "Levi's & Co"),
        ("R&B at 5 &euro;", "R&B at 5 €"),
        ("salt&notes &copy &#9999999;", "salt&notes &copy \ufffd"),
        ("&lt;b&gt;", "<b>"),
        ("👨\u200d👩\u200d👧 বাংলা", "👨\u200d👩\u200d👧 বাংলা"),
        ("\ud800", ""),
    ],
)
def test_text_becomes_one_line(text: str, line: str) -> None:
    assert read_line(text) == line


@pytest.mark.parametrize(
    ("text", "short"),
    [("x" * 150, "x" * 150), ("x" * 151, "x" * 149 + "…"), ("x" * 148 + " yz", "x" * 148 + "…")],
)
def test_long_text_ends_in_an_ellipsis(text: str, short: str) -> None:
    assert shortened(text, 150) == short


def test_an_id_stays_as_the_shop_wrote_it() -> None:
    assert read_id("  gid://shopify/Ärmel <1>  ") == "gid://shopify/Ärmel <1>"
    assert read_id("ä" * 120) == "ä" * 120


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("Warm and dry.", "Warm and dry."),
        ("<p>Warm <b>and</b><br/>dry.</p>", "Warm and dry."),
        ("&lt;p&gt;Warm &amp;amp; dry&lt;/p&gt;", "Warm & dry"),
        ("<style>p { color: red }</style><!-- no -->Warm", "Warm"),
        ("<script>if (a < b) alert(1)", ""),
        ("from 5 < 6 to 7 > 3", "from 5 < 6 to 7 > 3"),
        ("\n" * 500 + "Warm", "Warm"),
        (
            "Warm, dry, and " * 20,
            "Warm, dry, and Warm, dry, and Warm, dry, and Warm, dry, and Warm, dry, and Warm, dry…",
        ),
        ("x" * 1_000_000, "x" * 89 + "…"),
        ("<div class='" + "x" * 1_000_000, ""),
    ],
)
def test_a_description_is_its_first_words_without_markup(text: str, description: str) -> None:
    assert read_description(text) == description
    assert len(description) <= DESCRIPTION_CHARACTERS


def test_names_and_categories() -> None:
    assert (read_name(" Levi&#39;s "), read_name("N/A"), read_name("x" * 101)) == ("Levi's", "", "x" * 99 + "…")
    assert read_category("Home &amp;amp; Garden &amp;gt; Lamps") == "Home & Garden > Lamps"
    assert read_category("null") == ""


@pytest.mark.parametrize("text", ["", "  ", "NULL", "None", " n/a ", "nan", "__NULL__", "undefined", "-", "#N/A"])
def test_words_for_nothing(text: str) -> None:
    assert means_none(text)


@pytest.mark.parametrize("text", ["0", "no", "None of us", "Nana", "a" * 20])
def test_words_for_something(text: str) -> None:
    assert not means_none(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ product.id }}",
        "#product_id#",
        "#product_id##if##option_value_id#!=#if_condition#-#option_value_id##if#",
        "%PRICE%",
        "${title}",
        "{title}",
        "{is_in_stock?[in stock]:[out of stock]}",
        "{% if x %}{{ x }}{% endif %}",
        "<%= title %>",
        "<?php echo $title ?>",
        "[[title]]",
        " {{ brand }} - {{ title }} ",
    ],
)
def test_templates_that_nobody_filled(text: str) -> None:
    assert is_placeholder(text)
    assert has_placeholder("https://shop.example/" + text)


@pytest.mark.parametrize(
    "text",
    ["", "#IamRemarkable Pen", "#1", "100 % cotton", "{", "[Rec]", "50%", "{{ brand }} boots", "C#", "#" * 5_000],
)
def test_text_that_only_looks_like_a_template(text: str) -> None:
    assert not is_placeholder(text)
