"""What ``adserver creative check`` finds: each thing in a folder that has it, and in none that has not."""

import hashlib
import time
from pathlib import Path

import pytest

from adserver.creative.cascade import is_met
from adserver.creative.check import check_creative
from adserver.creative.check_motion import motion_flaws
from adserver.creative.check_weight import limit_kb
from adserver.creative.css_colors import color_of, colors_in, over, written
from adserver.creative.flaw import Flaw, Gravity
from adserver.creative.library import creative_folders
from adserver.creative.style_rules import rules_of
from tests.creative_folder import creative_folder

ERROR, WARNING, NOTE = Gravity.ERROR, Gravity.WARNING, Gravity.NOTE
OTHER_SIZES = "sizes: no 336x280, 728x90, 970x250, 160x600, 300x600, 320x50, 320x100, fluid"


def checked(folder: Path) -> list[Flaw]:
    found = check_creative(folder, time.perf_counter)
    return [flaw for flaw in found if flaw.what != OTHER_SIZES and "ms to render" not in flaw.what]


def test_nothing_is_wrong_with_a_good_one_but_that_sizes_are_missing(tmp_path: Path) -> None:
    folder = creative_folder(tmp_path)
    assert checked(folder) == []
    assert OTHER_SIZES in [flaw.what for flaw in check_creative(folder, time.perf_counter)]


def after(text: str) -> tuple[str, str, str]:
    return "banner.html", "</main>", f"</main>{text}"


NOISE = "".join(hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(4_000))
CSS = ("banner.css", "")
TILE = "product.html", '<a class="tile" href="{{ click_url }}" target="_blank" rel="noopener">'


@pytest.mark.parametrize(
    ("file", "old", "new", "gravity", "what"),
    [
        # what loading refuses
        ("creative.toml", "[products]", "[products", ERROR, "can not be used"),
        ("creative.toml", 'name = "good"', 'name = "good"\nnmae = 1', ERROR, "nmae can not be used"),
        ("creative.toml", '"300x250" = 1', '"300x250" = 2', ERROR, "pictures.300x250 can not be used"),
        ("banner.css", ".tile {", ".tile ", ERROR, "can not be used"),
        # names, also in branches that nothing comes by
        (*after("{% if because == 'never' %}{{ advertizer }}{% endif %}"), ERROR, "advertizer is unknown"),
        (*after("{% if 0 %}{{ words.helo }}{% endif %}"), ERROR, "words.helo is unknown"),
        (*after("{% if 0 %}{{ options['size'] }}{% endif %}"), ERROR, "options.size is unknown"),
        (*after("{% if 0 %}{{ ad.footer() }}{% endif %}"), ERROR, "ad.footer is unknown"),
        ("product.html", "{{ words.action }}", "{% if 0 %}{{ tile.titel }}{% endif %}", ERROR, "tile.titel is unknown"),
        (
            "product.html",
            "{{ words.action }}",
            "{% if 0 %}{{ tile.picture.src }}{% endif %}",
            ERROR,
            "tile.picture.src",
        ),
        (*after("{% if 0 %}{% include 'x.html' %}{% endif %}"), ERROR, "takes in x.html"),
        ("product.html", "{{ tile.title }}", "{% if %}", ERROR, "is no Jinja2 template"),
        # what must stand nowhere
        (*after("{% if 0 %}<script>1</script>{% endif %}"), ERROR, "a script"),
        (*after('{% if 0 %}<p onclick="go()">x</p>{% endif %}'), ERROR, "an on… attribute"),
        (*after('{% if 0 %}<p style="color:red">x</p>{% endif %}'), ERROR, "a style= attribute"),
        (*after('{% if 0 %}<img src="https://x.example/a.gif" alt="">{% endif %}'), ERROR, "an address of its own"),
        (*after('{% if 0 %}<img src="//x.example/a.gif" alt="">{% endif %}'), ERROR, "an address of its own"),
        (*after('{% if 0 %}<a href="javascript:x()">x</a>{% endif %}'), ERROR, "a javascript: address"),
        (*after("{% if 0 %}<form></form>{% endif %}"), ERROR, "a form"),
        (*after("{% if 0 %}<iframe></iframe>{% endif %}"), ERROR, "a frame or a plug-in"),
        (*after('{% if 0 %}<link rel="stylesheet" href="a.css">{% endif %}'), ERROR, "a <link>"),
        (*after('{% if 0 %}<meta http-equiv="refresh" content="0">{% endif %}'), ERROR, "a meta refresh"),
        (*after("{% if 0 %}document.write(1){% endif %}"), ERROR, "document.write"),
        (*after("{% if 0 %}<style>p{}</style>{% endif %}"), ERROR, "a <style>"),
        ("product.html", "{{ tile.title }}", "{{ tile.title|safe }}", ERROR, "|safe"),
        (*after("{% autoescape false %}{{ advertiser_name }}{% endautoescape %}"), ERROR, "an autoescape block"),
        # style sheets
        (*CSS, "@import 'other.css';", ERROR, "@import"),
        (*CSS, "@font-face { font-family: x; src: local(x) }", ERROR, "@font-face"),
        (*CSS, ".tile { background: url(a.png) }", ERROR, "background loads something"),
        (*CSS, ".tile { background-image: image-set('a.png' 1x) }", ERROR, "background-image loads something"),
        (*CSS, ".tile { backdrop-filter: brightness(2) }", WARNING, "backdrop-filter: brightness(2)"),
        (*CSS, ".tile { filter: blur(3px) }", WARNING, "filter: blur(3px)"),
        # motion
        (*CSS, ".tile { animation: turn 2s infinite }", ERROR, "an animation without an end"),
        (*CSS, ".tile { animation: turn 10s ease 4 }", ERROR, "an animation of 40 s"),
        (*CSS, ".tile { animation: turn 1s !important }", ERROR, "animation with !important"),
        (*CSS, ".tile { animation: turn calc(1s * var(--of-nobody)) }", NOTE, "could not tell how long"),
        (*CSS, "@keyframes turn { to { margin-left: 9px } }", WARNING, "animates margin-left"),
        (*CSS, ".tile { transition: width 1s }", WARNING, "a transition of width"),
        # rendered
        (TILE[0], ' target="_blank"', "", ERROR, 'a link without target="_blank"'),
        (TILE[0], ' rel="noopener"', "", ERROR, 'a link without rel="noopener"'),
        (
            TILE[0],
            "{{ words.action }}",
            '<img src="{{ tile.picture.url if tile.picture }}">',
            ERROR,
            "a picture without alt",
        ),
        (TILE[0], "{{ words.action }}", '<img src="a.png" alt="" width="1" height="1">', ERROR, "src='a.png' is none"),
        (TILE[0], 'class="tile"', 'class="product"', ERROR, "not one .tile per product"),
        ("banner.html", "{{ ad.seen() }}", "{{ ad.seen() }}{{ ad.seen() }}", ERROR, "ad.seen() is not there once"),
        ("banner.html", "{{ ad.corner() }}", "", ERROR, "can not be used"),
        ("banner.html", "{{ ad.head() }}", "", ERROR, "the head is not complete"),
        ("banner.html", ' lang="{{ lang }}"', "", ERROR, "<html> without lang or dir"),
        ("banner.html", "s{{ size }}", "", ERROR, "<body> without its size"),
        (*after("<i></i>" * 250), WARNING, "more than 250 elements"),
        # weight
        (
            *after("{% for n in range(12) %}<img src='/check/seen?{{ n }}' alt='' width='1' height='1'>{% endfor %}"),
            ERROR,
            "requests",
        ),
        pytest.param(*after(NOISE), ERROR, "weighs", id="noise"),
        # what can be read
        (*CSS, ".title { color: #999 }", ERROR, ".title: #999999 on #ffffff has a contrast of 2.85"),
        (*CSS, ".brand { background: var(--accent); color: #fff }", ERROR, "with the brand colour #ffffff"),
        (*CSS, ".dark .title { color: #eee }", ERROR, ".title: #eeeeee on #ffffff"),
        (*CSS, ".title { font-size: 8px }", WARNING, ".title: text of 8 px"),
        (*CSS, ".title { color: lab(50% 0 0) }", NOTE, ".title: could not tell its colours"),
        (*CSS, ".tile::selection, .title:nth-of-type(banana) { color: #999 }", NOTE, "could not read the selector"),
        # the folder
        ("creative.toml", '"200x120"', '"420x90"', WARNING, "a box of 420x90 is larger than the banner"),
    ],
)
def test_it_is_found(tmp_path: Path, file: str, old: str, new: str, gravity: Gravity, what: str) -> None:
    found = checked(creative_folder(tmp_path, file, old, new))
    assert [flaw for flaw in found if flaw.gravity is gravity and what in flaw.what], found


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        after("{% set online = 1 %}{# <script> #}<!-- https://x.example -->"),
        ("product.html", "{{ words.action }}", "{{ words.hello }} {{ tile.letter }} {{ options.tone }}"),
        (*CSS, ".brand { background: var(--accent); color: var(--on-accent) }"),
        (*CSS, ".brand { font-size: 24px; color: #949494 }"),
        (
            *CSS,
            ".dark { background: #000; --ink: #fff; --sale: #fbb; --corner-ink: #fff; color: var(--ink) }",
        ),
        (*CSS, "body:is(.x, .light .y) .title { color: #333 }"),
        (*CSS, ".tile:hover .title { color: #999 } @media print { .title { color: #999 } }"),
        (*CSS, ".tile { animation: turn 2s 3; transition: opacity 1s } @keyframes turn { to { opacity: 0 } }"),
        (*CSS, ".tile { background: linear-gradient(#fff, #eee); mask-image: url(#shape) }"),
        (*CSS, ".title { display: none; color: #fff; font-size: 2px }"),
    ],
)
def test_nothing_is_made_up(tmp_path: Path, file: str, old: str, new: str) -> None:
    flaws = [flaw for flaw in checked(creative_folder(tmp_path, file, old, new)) if flaw.gravity is not NOTE]
    assert flaws == []


def test_a_finding_says_where(tmp_path: Path) -> None:
    found = checked(creative_folder(tmp_path, *CSS, "\n\n.title { font-size: 8px }\n@import 'x';"))
    assert [(flaw.file, flaw.where) for flaw in found if flaw.what == "@import"] == [("banner.css", "line 7")]
    assert [flaw.where for flaw in found if "8 px" in flaw.what] == ["300x250 of 1"]


@pytest.mark.parametrize("file", ["creative.toml", "banner.html", "product.html", "banner.css"])
def test_a_file_that_is_not_there_or_not_text_is_an_error(tmp_path: Path, file: str) -> None:
    folder = creative_folder(tmp_path)
    (folder / file).write_bytes(b"\xff\xfe\x00")
    assert any(flaw.file == file and flaw.gravity is ERROR for flaw in checked(folder))
    (folder / file).unlink()
    assert any(flaw.file == file and flaw.gravity is ERROR for flaw in checked(folder))
    assert checked(tmp_path / "nowhere")[0].gravity is ERROR


def test_files_that_nobody_reads_and_a_layout_of_another_name_are_told(tmp_path: Path) -> None:
    folder = creative_folder(tmp_path)
    (folder / "script.js").write_text("1")
    (folder / "README.md").write_text("ours")
    (folder / "raster.toml").write_text("styles = 1")
    told = {flaw.file: flaw for flaw in checked(folder)}
    assert told.keys() == {"script.js", "raster.toml"}
    assert told["raster.toml"].gravity is ERROR


def test_slow_templates_are_told_by_the_clock_they_are_given(tmp_path: Path) -> None:
    folder = creative_folder(tmp_path)
    ticks = iter(range(10_000))
    assert any("ms to render" in flaw.what for flaw in check_creative(folder, lambda: float(next(ticks))))
    assert not any("ms to render" in flaw.what for flaw in check_creative(folder, lambda: 1.0))


@pytest.mark.long
@pytest.mark.parametrize("folder", creative_folders(), ids=lambda folder: folder.name)
def test_the_shipped_ones_have_no_errors(folder: Path) -> None:
    assert [flaw for flaw in checked(folder) if flaw.gravity is ERROR] == []


@pytest.mark.parametrize(
    ("size", "limit"),
    [
        ("300x250", 150),
        ("320x50", 50),
        ("970x250", 250),
        ("300x600", 200),
        ("336x280", 150),
        ("320x100", 100),
        ("468x60", 50),
        ("88x31", 50),
        ("fluid", 150),
    ],
)
def test_limits_are_those_of_the_iab_and_some_of_our_own_and_else_of_what_fits(size: str, limit: int) -> None:
    assert limit_kb(size) == limit


def test_a_style_sheet_is_read_as_rules() -> None:
    css = "/* { */ @media (min-width: 9px) { .a, .b { color: red !important; --x: 1;\n content: '}' } }\n@import 'x';"
    rule, at = sorted(rules_of(css), key=lambda rule: rule.prelude == "@import 'x'")[-2:]
    assert (rule.prelude, rule.around, rule.conditions) == (
        ".a, .b",
        ("@media (min-width: 9px)",),
        ("(min-width: 9px)",),
    )
    assert [tuple(one)[:3] for one in rule.declarations] == [
        ("color", "red", True),
        ("--x", "1", False),
        ("content", "'}'", False),
    ]
    assert (rule.declarations[2].line, at.prelude, at.line) == (2, "@import 'x'", 3)


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("#abc", (0xAA, 0xBB, 0xCC, 1.0)),
        ("#00000080", (0, 0, 0, 128 / 255)),
        ("rgb(255 0 0 / .5)", (255, 0, 0, 0.5)),
        ("rgba(255, 0, 0, 50%)", (255, 0, 0, 0.5)),
        ("hsl(120deg 100% 50%)", (0, 255, 0, 1.0)),
        ("color-mix(in srgb, #ffffff 50%, #000000)", (128, 128, 128, 1.0)),
        ("White", (255, 255, 255, 1.0)),
        ("oklch(50% 0 0)", None),
        ("#12345", None),
        ("rgb(x)", None),
    ],
)
def test_colours_are_read(text: str, color: tuple[int, int, int, float] | None) -> None:
    assert color_of(text) == color


def test_a_colour_upon_another_is_what_is_seen() -> None:
    assert written(over((0, 0, 0, 0.5), (255, 255, 255, 1.0))) == "#808080"
    assert len(colors_in("linear-gradient(90deg, #fff, rgb(0 0 0), red)")) == 3


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("(max-width: 299px)", False),
        ("(min-width: 300px) and (max-height: 250px)", True),
        ("(max-width: 9px), (min-height: 240px)", True),
        ("(prefers-reduced-motion: reduce)", False),
        ("print", False),
    ],
)
def test_media_conditions_are_those_of_the_frame(condition: str, met: bool) -> None:
    assert is_met(condition, 300, 250) is met


@pytest.mark.parametrize(
    ("value", "long"),
    [
        ("a 2s 3s 4", False),
        ("a 9s 4s 3", True),
        ("a calc(2s * 20)", True),
        ("a .5s cubic-bezier(.4, 0, .2, 1) 20", False),
        ("a calc((1 + 2) * 9s - 1s)", False),
        ("a 400ms, b 31s", True),
    ],
)
def test_the_time_that_animations_take_is_worked_out(value: str, long: bool) -> None:
    assert bool(list(motion_flaws(f".a {{ animation: {value} }}", {}))) is long
