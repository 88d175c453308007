"""The words that all designs share, by language, and in which direction a language is written."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

Words = Mapping[str, str]
"""Key -> word."""

ENGLISH = "en"

_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})
_HOUR, _DAY = 60, 1_440


@cache
def shared_words() -> Mapping[str, Words]:
    """Language -> words; the keys are the same in each."""
    text = resources.files("adserver.creative").joinpath("parts", "words.toml").read_text("utf-8")
    return MappingProxyType({language: MappingProxyType(words) for language, words in tomllib.loads(text).items()})


def language_of(lang: str) -> str:
    """``de-AT`` -> ``de``."""
    return lang.replace("_", "-").partition("-")[0].lower()


def direction(lang: str) -> str:
    """``rtl`` for languages that are written from right to left, else ``ltr``."""
    return "rtl" if language_of(lang) in _RIGHT_TO_LEFT else "ltr"


def words_of(lang: str, own: Mapping[str, Words]) -> Words:
    """The shared words of a language, overridden by those that a design has of its own; English for what is not there.

    A design's own words in English are not mixed into another language whose shared words are there.
    """
    language = language_of(lang)
    shared = shared_words()
    base = {**shared[ENGLISH], **own.get(ENGLISH, {})}
    return MappingProxyType({**base, **shared.get(language, {}), **own.get(language, {})})


def time_left(minutes: int, words: Words) -> str:
    """How long an offer goes on: ``2 d 4 h``, ``4 h 12 min``, ``12 min``."""
    days, hours, rest = minutes // _DAY, minutes % _DAY // _HOUR, minutes % _HOUR
    pairs = [(days, "days"), (hours, "hours")] if days else [(hours, "hours"), (rest, "minutes")]
    shown = [f"{number}\u00a0{words[unit]}" for number, unit in pairs if number]
    return " ".join(shown) or f"0\u00a0{words['minutes']}"
