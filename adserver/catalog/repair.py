"""What shops' programs get wrong in XML, and what of it can be put right without guessing.

That is bare ``&``, entities of HTML and control characters. Text goes in block by block and comes out as UTF-8.
"""

import re
from html.entities import html5
from xml.sax.saxutils import escape

from adserver.catalog.problem import RowProblem, shorten

_CONTROL = bytes(set(range(32)) - {9, 10, 13})
_AMPERSAND = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)(?:#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));|([A-Za-z][A-Za-z0-9]{1,31};))?"
)
_LITERAL = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)
_OPEN, _CLOSE = "<![CDATA[", "]]>"
_CARRIED = 65_536


class Repair:
    """Puts one feed right. ``notices`` has one finding per kind of fault, at its first line; the caller empties it.

    ``in_cdata``: a CDATA section is open at the end of what was read so far.
    """

    def __init__(self, line: int) -> None:
        """``line`` is that of the first character to come."""
        self.notices: list[RowProblem] = []
        self._line = line
        self._told: set[str] = set()
        self._carried = ""
        self.in_cdata = False

    def block(self, text: str, *, last: bool = False) -> bytes:
        """What can be told of ``text`` and what was held back before; ``last``: all of it.

        It is cut behind a ``>``, so that no entity and no mark of a CDATA section is in two pieces.
        """
        text = self._carried + text
        cut = len(text) if last else text.rfind(">") + 1
        if not cut and len(text) > _CARRIED:
            cut = len(text)
        text, self._carried = text[:cut], text[cut:]
        mended = self._mend(text) if "&" in text else text
        self.in_cdata = self._ends_in_cdata(text)
        clean = (raw := mended.encode()).translate(None, _CONTROL)
        if len(clean) != len(raw):
            self._tell("xml_control_character", "a control character", "text without control characters", 0, text)
        self._line += text.count("\n")
        return clean

    def _ends_in_cdata(self, text: str) -> bool:
        opened, closed = text.rfind(_OPEN), text.rfind(_CLOSE)
        return opened > closed or (self.in_cdata and closed < 0)

    def _mend(self, text: str) -> str:
        """Outside of CDATA sections every ``&`` begins an entity that XML knows."""
        if _AMPERSAND.search(text) is None:
            return text
        begin = max(0, text.find(_CLOSE)) if self.in_cdata else 0
        pieces = [text[:begin]]
        if self.in_cdata and not begin:
            return text
        for section in _LITERAL.finditer(text, begin):
            pieces.append(self._mend_plain(text, begin, section.start()))
            pieces.append(section[0])
            begin = section.end()
        pieces.append(self._mend_plain(text, begin, len(text)))
        return "".join(pieces)

    def _mend_plain(self, text: str, begin: int, end: int) -> str:
        return _AMPERSAND.sub(lambda match: self._entity(match, text, begin), text[begin:end])

    def _entity(self, match: re.Match[str], text: str, begin: int) -> str:
        hexadecimal, decimal, name = match.groups()
        at = begin + match.start()
        if name is not None:
            known = html5.get(name)
            if known is not None:
                self._tell("xml_entity", match[0], "characters as they are, or numbers such as &#160;", at, text)
                return escape(known)
        elif hexadecimal or decimal:
            if _is_character(int(hexadecimal, 16) if hexadecimal else int(decimal)):
                return match[0]
            self._tell("xml_control_character", match[0], "text without control characters", at, text)
            return ""
        self._tell("xml_ampersand", text[at : at + 20], "&amp; in place of &", at, text)
        return "&amp;" + match[0][1:]

    def _tell(self, code: str, found: str, expected: str, at: int, text: str) -> None:
        if code in self._told:
            return
        self._told.add(code)
        self.notices.append(
            RowProblem(
                line=self._line + text.count("\n", 0, at),
                product_id="",
                field="xml",
                found=shorten(" ".join(found.split())),
                expected=expected,
                code=code,
                fix="The feed was read all the same; other programs may refuse it. Have the export escape its texts.",
                left_out=False,
            )
        )


def _is_character(code: int) -> bool:
    """Whether XML 1.0 allows it."""
    return code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
