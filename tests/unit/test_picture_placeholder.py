"""What stands where a picture can not be shown."""

import pytest
from lxml import etree

from adserver.creative.picture_placeholder import luminance, placeholder

SVG = "{http://www.w3.org/2000/svg}"


def colors(body: bytes) -> tuple[str, str]:
    root = etree.fromstring(body)
    ground, ink = root.find(f"{SVG}rect"), root.find(f".//{SVG}text")
    assert ground is not None
    assert ink is not None
    return str(ground.get("fill")), str(ink.get("fill"))


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (luminance((int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16))) + 0.05 for c in (one, other)), reverse=True
    )
    return light / dark


@pytest.mark.parametrize(
    "color", [f"#{r:02x}{g:02x}{b:02x}" for r in (0, 99, 255) for g in (0, 80, 150, 255) for b in (0, 128, 255)] + [""]
)
def test_the_letter_can_be_read_on_every_brand(color: str) -> None:
    ground, ink = colors(placeholder("S", color))
    assert ground == (color or "#f1f3f6")
    assert contrast(ground, ink) >= 4.5


@pytest.mark.parametrize("letter", ["S", "ح", "靴", "ẞ", "4", "<", "&", '"', "", "\ud83d", "•", "\x00", "S<script>"])
def test_any_letter_makes_one_text_and_nothing_else(letter: str) -> None:
    root = etree.fromstring(placeholder(letter, "#aa0000"))
    text = root.find(f".//{SVG}text")
    assert text is not None
    assert text.text == (letter[0] if letter[:1].isalnum() else "•")
    assert {etree.QName(element).localname for element in root.iter()} == {"svg", "rect", "text"}


@pytest.mark.parametrize("color", ["red", "#12345", '#12345"', "#1234567", "url(x)", "#12345g"])
def test_what_is_no_colour_is_not_used(color: str) -> None:
    assert colors(placeholder("S", color)) == colors(placeholder("S", ""))


def test_it_has_no_size_of_its_own_so_that_it_fills_its_room() -> None:
    root = etree.fromstring(placeholder("S", ""))
    assert not {"width", "height", "viewBox"} & set(root.attrib)
