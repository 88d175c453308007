"""Text as it may be drawn, and where its lines may end."""

import re
import unicodedata

import regex  # type: ignore[import-untyped]  # for clusters and scripts, which `re` does not know

MAX_CHARACTERS = 400
MAX_MARKS = 3
"""On one letter; more of them is no language's text."""

_CLUSTERS = regex.compile(r"\X")
_SPACES = regex.compile(r"[\s\p{Zl}\p{Zp}]+")
# Controls, surrogates, private use, unassigned, and what turns or hides text; the marks of direction, the joiners and
# the soft hyphen stay.
_UNSEEN = regex.compile(r"(?![\u200c-\u200f\u061c\u00ad\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]")
_MANY_MARKS = regex.compile(rf"(\p{{M}}{{{MAX_MARKS}}})\p{{M}}+")
# Between these a line may end without a space: Han, kana, Hangul, and Thai, whose words stand close together.
_LOOSE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\u3000-\u303f\uff00-\uffef\u30fc]"
)
_NOT_FIRST = frozenset("、。，．・：；？！」』】）〕〉》〙〟’”ーぁぃぅぇぉっゃゅょァィゥェォッャュョ…‥%％,.!?:;)]}ๆฯ์่้๊๋็ัิีึืุู")
_NOT_LAST = frozenset("「『【（〔〈《〝‘“([{$¥£€")
_AFTER = re.compile(r"(?<=[\w)][-/–—])(?=\w)")
_VOWELS = frozenset("aeiouyäöüáéíóúàèìòùâêîôûåæøœãõąęěůőűıαεηιουωάέήίόύώаеёиоуыэюяіїє")
_ONSETS = tuple(
    re.findall(r"\w+", "sch ch ck st sp sc th ph qu sh gn br dr fr gr kr pr tr bl fl gl kl pl ll rr sz cz rz dz gh")
)
_TOGETHER = frozenset(onset[:2] for onset in _ONSETS)
_MIN_LETTERS = 3


def readable(text: str) -> str:
    """One line without control characters, at most MAX_CHARACTERS long, in composed letters."""
    # Composing is linear in what is left after the first cut.
    text = unicodedata.normalize("NFC", _MANY_MARKS.sub(r"\1", text[: 2 * MAX_CHARACTERS]))
    text = _SPACES.sub(" ", _UNSEEN.sub(lambda found: " " if found[0] in "\t\n\r\v\f\x85" else "", text))
    return text.strip()[:MAX_CHARACTERS]


def clusters(text: str) -> list[str]:
    """What a reader takes for one character each."""
    found: list[str] = _CLUSTERS.findall(text)
    return found


def words(text: str) -> list[str]:
    """Pieces after which a line may end, each with the space that follows it."""
    found: list[str] = []
    for word in re.findall(r"[^ ]+ ?", text):
        pieces = _AFTER.split(word)
        for piece in pieces:
            found += _loosened(piece) if _LOOSE.search(piece) else [piece]
    return found


def hyphenations(word: str) -> list[int]:
    """Places where a long word may be parted with a hyphen: before a consonant, or some that belong together, with a
    vowel behind. That holds for most syllables of most languages written with letters of ours."""
    small = word.lower()
    return [place for place in range(_MIN_LETTERS, len(word) - _MIN_LETTERS + 1) if _begins_syllable(small, place)]


def _begins_syllable(word: str, place: int) -> bool:
    if not word[place - 2 : place + 2].isalpha() or word[place - 1 : place + 1] in _TOGETHER or word[place] in _VOWELS:
        return False
    onset = next((onset for onset in _ONSETS if word.startswith(onset, place)), word[place])
    return word[place + len(onset) : place + len(onset) + 1] in _VOWELS


def _loosened(word: str) -> list[str]:
    pieces: list[str] = []
    for cluster in clusters(word):
        if pieces and not _parts(pieces[-1][-1], cluster[0]):
            pieces[-1] += cluster
        else:
            pieces.append(cluster)
    return pieces


def _parts(before: str, after: str) -> bool:
    """Whether a line may end between these."""
    if after == " " or after in _NOT_FIRST or before in _NOT_LAST:
        return False
    return bool(_LOOSE.match(before) or _LOOSE.match(after))
