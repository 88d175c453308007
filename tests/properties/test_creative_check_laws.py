"""Whatever the folder of a creative holds, checking it tells findings and never raises."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adserver.creative.cascade import Sheet
from adserver.creative.check import check_creative
from adserver.creative.check_motion import motion_flaws
from adserver.creative.check_style import style_flaws
from adserver.creative.css_colors import color_of, colors_in
from adserver.creative.flaw import Flaw
from adserver.creative.style_rules import rules_of
from tests.creative_folder import FILES, creative_folder

PIECES = st.sampled_from(
    [
        *(
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            ";",
            ":",
            ",",
            "<",
            ">",
            '"',
            "'",
            "/*",
            "*/",
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
        ),
        *("<a", "</p>", "<!--", "<svg>", "<template>", "<details open>", "<img src=x>", "&#0;", "\x00", "\ud83d", "🎁"),
        *("{{ tile.title }}", "{% if x %}", "{% endif %}", "{{ 1/0 }}", "{{ [][1] }}", "{{ css }}", "{{ csp|length }}"),
        *("{{ options }}", "{{ words.ad.x }}", "{% import 'macros.html' as x %}", "{% set ad = 1 %}", "{{ self }}"),
        *(
            "@media (min-width:1e9px)",
            "var(--a)",
            "--a:var(--a)",
            "calc(1s/0)",
            "animation:a",
            "color:",
            "#12",
            "rgb()",
        ),
        *(
            ":is(",
            ":has(",
            ":not(",
            "::",
            "!important",
            "font:1e999px x",
            "background:linear-gradient(",
            "url(",
            "99999999s",
        ),
        *("\n[options.x]\ntype='number'\nmin=0\nmax=1e300\nhelp='a'\n", "= nan", "[[", "sizes = []", "1979-05-27"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=12), max_size=8).map("".join)


def check(folder: Path) -> list[Flaw]:
    return check_creative(folder, lambda: 0.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(file=st.sampled_from(sorted(FILES)), place=st.floats(0, 1), text=TEXTS, rest=st.booleans())
def test_no_text_makes_it_raise(file: str, place: float, text: str, rest: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        good = creative_folder(Path(folder))
        cut = int(place * len(FILES[file]))
        spoilt = FILES[file][:cut] + text + (FILES[file][cut:] if rest else "")
        (good / file).write_bytes(spoilt.encode("utf-8", "surrogatepass"))
        assert all(flaw.what for flaw in check(good))


@settings(max_examples=300, deadline=None)
@given(css=st.lists(PIECES | st.text(max_size=12), max_size=30).map("".join))
def test_no_style_sheet_makes_it_raise(css: str) -> None:
    assert all(rule.line >= 1 for rule in rules_of(css))
    list(style_flaws(css))
    list(motion_flaws(css, {}))
    Sheet(css)
    color_of(css)
    colors_in(css)


@pytest.mark.parametrize(
    "text", ["(" * 5_000, "{{ " + "(" * 5_000, "{% if x %}" * 2_000, "a=" + "[" * 5_000, "<b>" * 5_000]
)
@pytest.mark.parametrize("file", sorted(FILES))
def test_no_depth_makes_it_raise(tmp_path: Path, file: str, text: str) -> None:
    folder = creative_folder(tmp_path, file, "", text)
    assert all(flaw.what for flaw in check(folder))


def test_folders_in_the_place_of_files_are_findings(tmp_path: Path) -> None:
    folder = creative_folder(tmp_path)
    for file in FILES:
        (folder / file).unlink()
        (folder / file).mkdir()
        assert check(folder)
