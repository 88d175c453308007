"""A style sheet is cut to what can matter in one banner, and stays the same in all that does."""

import re

import pytest

from adserver.creative.creative import _MADE_OF
from adserver.creative.library import load_creative, load_creatives
from adserver.creative.outline import BrokenMarkupError, outline_of
from adserver.creative.selector import UnknownSelectorError, selector_of
from adserver.creative.sheet import Sheet
from adserver.creative.style import tightened

FRAME = """<html lang="en" dir="ltr"><head><title>A</title></head><body class="s300x250 n2 long">
<header><p class="brand">A</p><details class="corner"><summary>Ad</summary><nav><a href="/why">Why</a></nav></details>
</header><main class="beside"><products></main></body></html>"""
TILE = """<a class="tile" href="/c"><span class="title" dir="auto">A</span><b>1</b></a>"""
SOLD = """<a class="tile" href="/c"><span class="title" dir="auto">A</span><b class="sale">1</b><s>2</s></a>"""
OUTLINE = outline_of(FRAME, (TILE, SOLD), TILE + SOLD)


def cut(css: str, *told: str, source: str = "") -> str:
    return Sheet(tightened(css)).cut(outline_of(FRAME, (TILE, SOLD), source), told)


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".tile { top: 0 } .other { top: 1px } main .tile h2 { top: 2px }", ".tile{top:0}"),
        (".n1 .title { top: 0 } .n2 .title { top: 1px }", ".title{top:1px}"),
        (":is(.s300x250, .sfluid).n2:not(.has-offer) .title { top: 0 }", ".title{top:0}"),
        (".s300x250.n2 { top: 0 }", "body{top:0}"),
        ('[dir="rtl"] .title { top: 0 } [dir="ltr"] .title { left: 0 }', ".title{left:0}"),
        (".tile:has(.coupon) { top: 0 } .tile:has(s) { left: 0 }", ".tile:has(s){left:0}"),
        (".title, .gone { top: 0 }", ".title{top:0}"),
        ("header nav a { top: 0 }", "nav a{top:0}"),  # other links stand elsewhere
        (".corner[open] nav { top: 0 }", ".corner[open] nav{top:0}"),
        ("body:hover .title { top: 0 }", "body:hover .title{top:0}"),
        ("main > .tile { top: 0 }", "main>.tile{top:0}"),
        (".title { margin: 0.50px 1px / 2px; color: #ffAAcc }", ".title{margin:.50px 1px/2px;color:#fAc}"),
        ("@media (max-height: 9px) { .gone { top: 0 } .title { top: 0 } }", "@media(max-height:9px){.title{top:0}}"),
        (
            "@keyframes a { to { top: 0 } } @keyframes b { to { top: 0 } } .title { animation: 1s b }",
            "@keyframes b{to{top:0}}.title{animation:1s b}",
        ),
        ("@media (prefers-reduced-motion: reduce) { * { animation: none !important } }", ""),
    ],
)
def test_what_can_not_matter_is_left_out(css: str, left: str) -> None:
    assert cut(css) == left


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".title { top: 0; left: 0 } .n2 .title { top: 1px }", ".title{left:0;top:1px}"),
        (".title { padding-top: 0 } .long .title { padding: 1px }", ".title{padding:1px}"),
        (".title { padding: 0 } .title { padding-top: 1px }", ".title{padding:0;padding-top:1px}"),
        (".title { top: 0 } .title:hover { top: 1px }", ".title{top:0}.title:hover{top:1px}"),
        (".title { top: 0 !important } .title { top: 1px }", ".title{top:0!important;top:1px}"),
        ("b { top: 0 } .sale { top: 1px }", "b{top:0}.sale{top:1px}"),
        # A browser that does not know the second takes the first.
        (".tile { grid: none } .tile { grid: subgrid }", ".tile{grid:none;grid:subgrid}"),
        (".title { color: red; top: 0 } .n2 .title { display: none } .gone { top: 0 }", ".title{display:none}"),
        (".title { color: red } .title { display: none } .title:hover { display: block }", None),
    ],
)
def test_what_is_overridden_is_left_out(css: str, left: str | None) -> None:
    found = cut(css)
    assert found == left if left is not None else "color:red" in found


def test_what_won_by_its_weight_still_wins() -> None:
    # Without the body's classes ".sale" would lose to ".tile b".
    assert (
        cut(".s300x250.n2 .sale { color: red } .tile b { color: blue }") == ":root .sale{color:red}.tile b{color:blue}"
    )
    # The same weight, and earlier: it has to be heavier than what comes later.
    assert cut(".n2 .long .title, .n2 .title { color: red } b + .title, .tile > .title { color: blue }").startswith(
        ".title{color:red}"
    )


def test_a_variable_with_one_value_is_written_in_its_place() -> None:
    css = (
        ":root { --ink: #111; --c: 1; --own: var(--ink) } .n2 { --c: 2 } .title { color: var(--own); order: var(--c) }"
    )
    assert cut(css) == ":root{--c:1}body{--c:2}.title{color:#111;order:var(--c)}"
    assert cut("body { --c: 1 } .n2 { --c: 2 } .title { order: var(--c); top: var(--no, var(--c)) }") == (
        ".title{order:2;top:2}"
    )
    told = ".title { color: var(--accent); top: var(--accent-size, 1px) }"
    assert cut(told, "--accent") == ".title{color:var(--accent);top:1px}"
    kept = "body{--c:1}.tile{--c:2}.title{order:var(--c)}"
    assert cut(kept) == kept
    moved = '@property --c{syntax:"*";inherits:true}body{--c:1}.title{order:var(--c)}'
    assert cut(moved) == moved


def test_what_another_product_may_have_is_kept() -> None:
    css = ".rare { top: 0 } .never { top: 0 } h2 { top: 0 }"
    assert cut(css, source="{% if tile.discount %}<h2 class='rare'></h2>{% endif %}") == ".rare{top:0}h2{top:0}"
    assert cut(css, source='<i class="{{ tile.title }}">') == ".rare{top:0}.never{top:0}h2{top:0}"


@pytest.mark.parametrize(
    "css", ["@layer a { .gone { top: 0 } }", ".gone { &:hover { top: 0 } }", ".go\\:ne { top: 0 }"]
)
def test_what_it_can_not_read_stays_whole(css: str) -> None:
    assert cut(css) == tightened(css)


@pytest.mark.parametrize(
    "css",
    [
        ".title.big{top:0}",  # a new name beside a known one
        "b.title{top:0}",  # a known name on another element
        ".big.sale{top:0}",
        "i.title{top:0}.tile i{top:1px}",  # the weight that the first one wins by
    ],
)
def test_known_names_may_stand_elsewhere_in_another_product(css: str) -> None:
    source = TILE + '{% if tile.discount > 60 %}<i class="title big">{% endif %}'
    assert cut(css, source=source) == css


@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_frames_of_other_classes_are_other_frames(quote: str) -> None:
    first, second = (_MADE_OF.findall(f"<body class={quote}n{count}{quote} dir = {quote}ltr{quote}>") for count in "12")
    assert first != second
    assert len(first) == 3


def test_names_of_elements_and_directions_are_the_same_in_capitals() -> None:
    assert cut("A.tile{top:0}") == "A.tile{top:0}"
    assert cut("[dir=LTR] .title{top:0}[dir=RTL] .title{left:0}") == ".title{top:0}"


def test_markup_that_a_browser_would_mend_has_no_outline() -> None:
    for broken in ("<p><div></div></p>", "<b><i></b></i>", "<main>"):
        with pytest.raises(BrokenMarkupError):
            outline_of(broken, (), "")


def test_selectors_weigh_what_they_weigh_in_browsers() -> None:
    for text, weight in (
        ("#a .b c::before", (1, 1, 2)),
        (":is(.a, #b) :where(.c)", (1, 0, 0)),
        ("a:not(.b .c):hover > *", (0, 3, 1)),
        ('[dir="a b"]:nth-last-child(-n + 3)', (0, 2, 0)),
    ):
        assert selector_of(text).specificity == weight
    for text in ("", "a,", "a:is(.b"):
        with pytest.raises(UnknownSelectorError):
            selector_of(text)


@pytest.mark.parametrize("name", sorted(load_creatives()))
def test_every_shipped_sheet_is_read(name: str) -> None:
    """Else it would be sent whole."""
    from adserver.creative.library import creative_folders

    folder = next(folder for folder in creative_folders() if folder.name == name)
    creative = load_creative(folder, rehearse=False)
    for size in creative.sizes:
        sheet = creative._style_of(size)
        assert 0 < len(sheet.cut(OUTLINE)) < 0.8 * len(sheet.cut(()))


def test_without_a_web_font_nothing_is_loaded_for_it() -> None:
    from tests.unit.test_creative_library import banner, tile

    grid = load_creatives(origin="https://ads.example", web_font=False)["grid"]
    html = grid.render(banner(tile())).decode()
    assert not re.search("woff2|font-face|font-src|preload", html)
    assert "font-family" in html or "font:400" in html
