"""In which encoding a feed is written: by its mark, its zeros, what it says, or how its words look."""

import codecs
import re
from typing import NamedTuple

from charset_normalizer import from_bytes

SAMPLE_BYTES = 16_384
"""Bytes looked at where words have to tell."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_SHIFT = re.compile(rb"\x1b\$[@B]")
_WIDE_FROM = 0.3
_UPPER_FROM = 0.95

_SAFE = (
    "utf-8 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 iso8859-2 iso8859-3 iso8859-4 iso8859-5 "
    "iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16 koi8-r koi8-u mac-roman "
    "mac-cyrillic cp437 cp850 cp852 cp866 cp932 euc_jp iso2022_jp cp949 euc_kr gb18030 big5 big5hkscs tis-620 cp874"
)
"""The encodings that a feed may declare; some decoders of Python are none of text."""

_WIDER = {"ascii": "utf-8", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "shift_jis": "cp932", "euc_kr": "cp949"} | {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "tis-620": "cp874",
}
"""What is really written where the declaration names its smaller sister."""

_OLD_NAMES = {
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "x-sjis": "cp932",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gbk",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
}
"""Names that browsers know and Python does not."""

_ALPHABETS = {
    "cp1252": (
        "äöüßÄÖÜé",
        "àâæçéèêëîïôœùûüÿÀÂÇÉÈÊÎÔŒ",
        "áéíóúüñÁÉÍÓÚÑ¿¡ªº",
        "àèéìíòóùúÀÈÉÌÒÙ",
        "áâãàçéêíóôõúüÁÂÃÀÇÉÊÍÓÔÕÚªº",
        "åäöéÅÄÖÉ",
        "æøåéÆØÅÉ",
        "áéíóúýþæöðÁÉÍÓÚÝÞÆÖÐ",
        "äöüõšžÄÖÜÕŠŽ",
        "éëïöüèêôÉËÏÖ",
    ),
    "cp1250": (
        "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ",
        "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ",
        "áäčďéíĺľňóôŕšťúýžČĎĽŇŠŤŽ",
        "áéíóöőúüűÁÉÍÓÖŐÚÜŰ",
        "ăâîşţĂÂÎŞŢ",
        "čćđšžČĆĐŠŽ",
    ),
    "iso8859-2": ("áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ", "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áäčďéíĺľňóôŕšťúýžČĎĽŇŠŤŽ"),
    "cp1254": ("çğıöşüâîûÇĞİÖŞÜ",),
}
"""Letters beyond ASCII of one language each, by the encoding that shops there use."""

_ANYWHERE = frozenset("–—-‘’‚“”„…«»‹›·•€£¥§©®™°±²³¹½¼¾×÷´`¨¸\u00a0\u00ad")
_KNOWN = 0.97
_RUN = re.compile(rb"[\x80-\xff]+")
_RUNS = 2_000
_ENOUGH = 25
_LONG_RUN = re.compile(rb"[\x80-\xff]{3,}")
_LATIN_UP_TO = 0.2
_OTHER_SCRIPTS = [
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp874",
    "cp932",
    "euc_jp",
    "cp949",
    "gb18030",
    "big5",
]
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")


class Charset(NamedTuple):
    """A codec's name, how many bytes of mark stand before the text, and whether words or zeros had to tell."""

    codec: str
    mark: int = 0
    guessed: bool = False


def by_mark(head: bytes) -> Charset | None:
    """The encoding that a byte order mark, zeros of UTF-16 or UTF-32 without one, or the shifts of ISO 2022 tell."""
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return Charset(codec, len(mark))
    if _SHIFT.search(head) and head.isascii():
        return Charset("iso2022_jp", guessed=declared(head) != "iso2022_jp")
    sample = head[: min(len(head), 2_048) & ~3]
    quarters = [sample[place::4].count(0) * 4 for place in range(4)]
    for codec, (low, _, *upper) in (("utf-32-le", quarters), ("utf-32-be", quarters[::-1])):
        if sample and min(upper) >= len(sample) * _UPPER_FROM and low * 3 <= len(sample):
            return Charset(codec, guessed=True)
    sample = head[: min(len(head), 2_048) & ~1]
    zeros = sample[::2].count(0), sample[1::2].count(0)
    enough = max(1, len(sample) // 2 * _WIDE_FROM)
    if max(zeros) >= enough and min(zeros) * 10 <= max(zeros):
        return Charset("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be", guessed=True)
    return None


def declared(head: bytes) -> str:
    """The codec that the XML declaration names, where it is one that can be; else empty."""
    match = _DECLARED.search(head[:4_096])
    if match is None:
        return ""
    try:
        name = match[1].decode().lower()
        codec = codecs.lookup(_OLD_NAMES.get(name, name)).name
    except LookupError:
        return ""
    codec = _WIDER.get(codec, codec)
    return codec if codec in _SAFE.split() else ""


def by_content(block: bytes, stated: str) -> Charset:
    """The encoding of ``block``, the first one with more than ASCII; ``stated`` is what the feed says of itself."""
    other = stated and stated != "utf-8" and _is(block, stated)
    if _is(block, "utf-8") or _mostly_utf8(block, 9 if other else 1):
        return Charset("utf-8")
    if other:
        return Charset(stated)
    sample = b"\n".join(line for line in block.splitlines() if not line.isascii())[:SAMPLE_BYTES]
    codec = _by_alphabet(sample) or ("cp1255" if _is_hebrew(sample) else _by_looks(sample)) or "cp1252"
    return Charset(codec, guessed=True)


def _is(block: bytes, codec: str) -> bool:
    """A character may be cut off at the end."""
    try:
        codecs.getincrementaldecoder(codec)().decode(block)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(block: bytes, times: int) -> bool:
    """Whether the runs of bytes beyond ASCII that fit together are so many ``times`` those that do not.

    They fit by intent: whole words of another script never do so by chance. Those that do not are of another source.
    """
    runs = _RUN.findall(block)
    fit = sum("\ufffd" not in run.decode(errors="replace") for run in runs[:_RUNS])
    return fit >= times * (min(len(runs), _RUNS) - fit)


def _is_hebrew(sample: bytes) -> bool:
    """The 27 letters of a script without capitals, and no others: Cyrillic would have some of its last letters too."""
    more = [byte for byte in sample if byte > 0x7F]
    letters = sum(0xE0 <= byte <= 0xFA for byte in more)
    return letters >= _ENOUGH and letters >= len(more) * 0.95 and not any(0xC0 <= byte < 0xE0 for byte in more)


def _by_alphabet(sample: bytes) -> str:
    """The encoding in which most letters beyond ASCII are those of one language; the first of equals.

    Empty where they stand in long runs, as in other scripts, and are not nearly all of one language.
    """
    best, codec = 0.0, "cp1252"
    for name, alphabets in _ALPHABETS.items():
        more = [letter for letter in sample.decode(name, errors="replace") if letter > "\x7f"]
        plain = [letter for letter in more if letter not in _ANYWHERE]
        if not plain:
            return name
        share = max(sum(letter in alphabet for letter in plain) for alphabet in alphabets) / len(plain)
        if share > best:
            best, codec = share, name
    in_runs = sum(map(len, _LONG_RUN.findall(sample)))
    latin = in_runs <= _LATIN_UP_TO * sum(byte > 0x7F for byte in sample)
    return codec if latin or best >= _KNOWN else ""


def _by_looks(sample: bytes) -> str:
    """The encoding of another script in which the text looks least like noise."""
    for match in from_bytes(sample, cp_isolation=_OTHER_SCRIPTS, threshold=0.5, enable_fallback=False):
        if not _HALF_WIDTH.search(str(match)):
            return codecs.lookup(match.encoding).name
    return ""
