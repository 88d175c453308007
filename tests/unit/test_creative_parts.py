"""What designs are made of: style sheets by size, options, colours, words, manifests."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.creative.colors import READABLE, contrast, palette, text_on
from adserver.creative.fault import CreativeError
from adserver.creative.font_files import font_files
from adserver.creative.money import discount_of, format_discount
from adserver.creative.options import read_options, resolved
from adserver.creative.style import for_size, is_whole, tightened
from adserver.creative.words import time_left, words_of
from adserver.model.line_item import OptionValue

SHEET = """
/* { a comment } */
@property --left { syntax: "<integer>"; inherits: false; initial-value: 0 }
@keyframes slide { from { opacity: 0 } 50%, to { opacity: 1 } }
.a , .b:is(.c, .d) { content: "}  { /* */" ; margin: calc(1px + 2px) }
.s300x250 .x, .s728x90 .y, .z { color: red }
.s728x90.n1 .x { color: red }
:is(.s300x250, .sfluid) .i { color: red }
@media (min-width: 9px) { .s728x90 .m { color: red } }
@media (max-height: 9px) { .s300x250 .m { color: red } .s728x90 .m { color: blue } @media print { .sfluid { top: 0 } } }
.sfluid { width: 100% }
"""


def test_a_size_keeps_the_rules_that_matter_to_it() -> None:
    shared = (
        '@property --left{syntax: "<integer>";inherits: false;initial-value: 0 }'
        "@keyframes slide{from{opacity: 0 }50%,to{opacity: 1 }}"
        '.a,.b:is(.c, .d){content: "}  { /* */";margin: calc(1px + 2px)}'
    )
    css = tightened(SHEET)
    assert _plain(for_size(css, "300x250")) == _plain(
        f"{shared}.s300x250 .x,.z{{color: red}}:is(.s300x250,.sfluid) .i{{color: red}}"
        "@media (max-height: 9px){.s300x250 .m{color: red}}"
    )
    assert _plain(for_size(css, "fluid")) == _plain(
        f"{shared}.z{{color: red}}:is(.s300x250,.sfluid) .i{{color: red}}"
        "@media (max-height: 9px){@media print{.sfluid{top: 0}}}.sfluid{width: 100%}"
    )
    assert is_whole(css)
    assert not is_whole("a{b{}")
    assert not is_whole("a}{")


def _plain(css: str) -> str:
    return css.replace(" }", "}").replace(", ", ",").replace(": ", ":")


@given(st.integers(0, 0xFFFFFF))
def test_every_brand_colour_gives_texts_that_can_be_read(number: int) -> None:
    color = f"#{number:06x}"
    found = palette(color)
    assert found.accent == color
    assert contrast(found.on_accent, found.accent) >= READABLE
    assert contrast(found.accent_text, "#ffffff") >= READABLE
    assert contrast(text_on(color), color) >= READABLE


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def _options(**tables: dict[str, Any]) -> Any:
    return read_options(Path("mine"), {name: {"help": "It.", **table} for name, table in tables.items()})


def test_an_option_that_does_not_fit_has_its_default() -> None:
    options = _options(
        headline={"type": "text", "default": "Hello", "max": 8},
        tone={"type": "choice", "default": "light", "choices": ["light", "dark"]},
        button={"type": "yes_no", "default": True},
        seconds={"type": "number", "default": 4, "min": 1, "max": 9.5},
        accent={"type": "color", "default": ""},
    )
    fitting: dict[str, OptionValue] = {
        "headline": "Servus",
        "tone": "dark",
        "button": False,
        "seconds": 9.5,
        "accent": "#0A5c36",
    }
    assert resolved(options, fitting) == fitting
    defaults = {"headline": "Hello", "tone": "light", "button": True, "seconds": 4, "accent": ""}
    wrongs: tuple[dict[str, Any], ...] = (
        {"headline": "far too long", "tone": "grey", "button": 1, "seconds": 10, "accent": "red"},
        {"headline": 1, "tone": True, "button": "no", "seconds": True, "accent": 7, "gone": "x"},
        {"headline": "a\nb", "seconds": float("nan"), "accent": "#12345"},
        {"seconds": 10**400},
    )
    for wrong in wrongs:
        assert resolved(options, wrong) == defaults


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"type": "text", "default": "", "choices": []}, "options.it.choices"),
        ({"type": "text", "default": "", "max": 0}, "options.it.max"),
        ({"type": "text", "default": 1}, "options.it.default"),
        ({"type": "choice", "default": "a", "choices": []}, "options.it.choices"),
        ({"type": "choice", "default": "c", "choices": ["a", "b"]}, "options.it.default"),
        ({"type": "number", "default": 1, "max": 2}, "options.it.min"),
        ({"type": "number", "default": 1, "min": 3, "max": 2}, "options.it.max"),
        ({"type": "number", "default": 1, "min": 1, "max": 10**400}, "options.it.max"),
        ({"type": "yes_no"}, "options.it.default"),
        ({"type": "color", "default": "red"}, "options.it.default"),
        ({"default": ""}, "options.it.type"),
    ],
)
def test_a_wrong_option_names_its_key(table: dict[str, Any], key: str) -> None:
    with pytest.raises(CreativeError) as caught:
        _options(it=table)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, "0 min"), (59, "59 min"), (60, "1 h"), (75, "1 h 15 min"), (1_439, "23 h 59 min"), (2_945, "2 d 1 h")],
)
def test_the_time_left_in_its_two_largest_units(minutes: int, expected: str) -> None:
    assert time_left(minutes, words_of("en", {})).replace("\xa0", " ") == expected


def test_a_designs_own_words_override_those_of_all() -> None:
    own = {"en": {"action": "Go", "line": "New"}, "de": {"action": "Los", "line": "Neu"}}
    assert [words_of(lang, own)["action"] for lang in ("en-GB", "de_AT", "fi", "fr")] == ["Go", "Los", "Go", "Voir"]
    assert [words_of(lang, own)["line"] for lang in ("de", "fr")] == ["Neu", "New"]


def test_a_discount_is_rounded_down_and_written_as_the_locale_does() -> None:
    assert [discount_of(price, 100) for price in (80, 81, 99, 100, 120)] == [20, 19, 1, 0, 0]
    assert discount_of(999, 1_000) == 0
    assert [format_discount(20, locale) for locale in ("en_US", "de_DE", "xx")] == ["-20%", "-20\xa0%", "-20%"]
    assert format_discount(0, "en_US") == ""


def test_fonts_are_named_after_their_content() -> None:
    files = font_files()
    assert [name.rpartition("/")[2].split(".")[0] for name in files] == ["adserver-sans-400", "adserver-sans-700"]
    assert all(content.startswith(b"wOF2") and len(content) <= 22 * 1_024 for content in files.values())
