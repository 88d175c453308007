"""Text for pictures: what is drawn of it, where its lines end, and which way it runs."""

import time

import pytest

from adserver.creative.raster.bidi import base_is_rtl, parts
from adserver.creative.raster.faces import faces, runs
from adserver.creative.raster.letters import Lettering
from adserver.creative.raster.lines import ELLIPSIS, lines, shortened
from adserver.creative.raster.readable import MAX_CHARACTERS, MAX_MARKS, hyphenations, readable, words
from adserver.creative.raster.shaping import as_seen


def by_letters(text: str) -> float:
    return float(len(text))


def test_lines_end_between_words() -> None:
    assert lines("one two three four", 9, 3, by_letters) == ["one two", "three", "four"]
    assert lines("one two three", 40, 3, by_letters) == ["one two three"]
    assert lines("", 9, 3, by_letters) == []


def test_what_is_left_out_is_told() -> None:
    assert lines("one two three four", 9, 1, by_letters) == ["one two…"]
    assert lines("one two, three four", 8, 1, by_letters) == ["one two…"]
    assert lines("seventeen letters", 9, 1, by_letters) == ["seventee…"]
    assert shortened("abc", 0, by_letters) == ELLIPSIS


def test_a_long_word_is_parted_by_a_hyphen_else_anywhere() -> None:
    assert lines("Wanderstiefel", 8, 3, by_letters) == ["Wander-", "stiefel"]
    assert lines("eine Donaudampfschifffahrt", 12, 9, by_letters) == ["eine Donau-", "dampfschiff-", "fahrt"]
    assert lines("WWWWWWWWWW", 4, 9, by_letters) == ["WWWW", "WWWW", "WW"]
    assert lines("a WWWWWWWWWW", 4, 9, by_letters) == ["a", "WWWW", "WWWW", "WW"]
    assert [("Waschmaschine"[:place]) for place in hyphenations("Waschmaschine")] == ["Wasch", "Waschma"]


def test_lines_end_behind_hyphens_and_between_han() -> None:
    assert lines("grau-grün", 6, 2, by_letters) == ["grau-", "grün"]
    assert lines("防水トレッキングシューズ。", 6, 3, by_letters) == ["防水トレッキ", "ングシューズ。"] or words(
        "ズ。"
    ) == ["ズ。"]
    assert words("「登山」靴") == ["「登", "山」", "靴"]


def test_no_line_is_wider_than_its_room() -> None:
    text = "Wasserdichte 防水 WWWWWWWWWWWWWWWWWWWWWW 🏔️🏔️🏔️ حذاء مشي جبلي مقاوم للماء e\u0301e\u0301e\u0301 " * 3
    for room in (20, 60, 133):
        how = Lettering(12, False)
        assert all(how.width(line) <= room + 1 for line in lines(readable(text), room, 30, how.width))


def test_control_characters_and_heaps_of_marks_are_not_drawn() -> None:
    assert readable("a\u202eb\x00c\nd\u2066e\ud800\ue000") == "abc de"
    assert readable("\u200fa") == "\u200fa"
    assert len(readable("q" + "\u0323" * 10_000)) == 1 + MAX_MARKS
    assert len(readable("x" * 1_000_000)) == MAX_CHARACTERS
    assert readable("e\u0301") == "é"


@pytest.mark.parametrize(
    "text", ["q" + "\u0323" * 1_000_000, "W" * 1_000_000, "ab " * 300_000, "\u05d0\u0661a" * 300_000]
)
def test_a_megabyte_takes_no_time(text: str) -> None:
    began = time.process_time()
    made = lines(readable(text), 100, 3, Lettering(12, False).width)
    assert time.process_time() - began < 0.5
    assert len(made) <= 3


def test_numbers_and_latin_words_keep_their_way_in_text_from_right_to_left() -> None:
    assert parts("abc", False) == [("abc", False)]
    assert [text for text, _ in parts("חולצה XL אדומה", True)] == [" אדומה", "XL", "חולצה "]
    assert [text for text, _ in parts("מחיר 1,299.00 ₪", True)] == [" ₪", "1,299.00", "מחיר "]
    assert [text for text, _ in parts("حذاء 42", True)] == ["42", "حذاء "]
    assert [text for text, _ in parts("shoe حذاء 42", False)] == ["shoe ", "42", "حذاء "]
    assert parts("", True) == []


def test_the_way_of_a_text_is_that_of_its_first_letter() -> None:
    assert base_is_rtl("حذاء Nike", False)
    assert not base_is_rtl("Nike حذاء", True)
    assert base_is_rtl("129", True)
    assert not base_is_rtl("129", False)


def test_arabic_letters_are_joined_where_nothing_else_does_it() -> None:
    assert as_seen("سلام", True) == "\ufee1\ufefc\ufeb3"  # final-less meem, lam with alef, initial seen
    assert as_seen("(אב)", True) == "(בא)"
    assert as_seen("abc", False) == "abc"


def test_each_script_has_a_face() -> None:
    named = {run.text: run.face.path.name for run in runs("Ж漢한ع א ก क🏔", bold=False)}
    assert set(named.values()) == {face.path.name for face in faces(False)}
    (unknown,) = runs("\u1680", bold=False)
    assert unknown.face is faces(False)[0]
    assert [run.text for run in runs("e\u0301a b", bold=True)] == ["e\u0301a b"]
