"""The text of a feed: bytes of any encoding in, clean text with ``\\n`` as its line break out, block by block."""

import codecs
import io
from collections.abc import Iterator

from adserver.catalog.charset import Charset, by_content, by_mark, declared
from adserver.catalog.problem import FeedError, RowProblem
from adserver.catalog.unpack import BLOCK_BYTES
from adserver.catalog.unzip import Readable

_SAVE_AS_UTF8 = "Save or export the feed as UTF-8."


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8 are nearly always single letters out of another source."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


codecs.register_error("adserver.windows-1252", _as_windows_1252)


class TextSource:
    """Decodes a feed. ``head`` is the text of its first 64 KiB; ``blocks`` is all of it.

    ``notices`` collects what its owner ought to know; the caller empties it. Nothing is held back but the bytes of a
    character that is cut by the end of a block.
    """

    def __init__(self, stream: Readable) -> None:
        """Raises ``FeedError`` for a feed that is empty or no text."""
        self._stream = stream
        self._line_breaks = io.IncrementalNewlineDecoder(None, translate=True)
        self._decoder: codecs.IncrementalDecoder | None = None
        self._codec = ""
        self._bad_seen = False
        self._lines_done = 0
        self.notices: list[RowProblem] = []
        first = stream.read(BLOCK_BYTES)
        self._stated = declared(first)
        marked = by_mark(first)
        if marked is not None:
            self._choose(marked)
            first = first[marked.mark :]
        self.head = self._read(first).lstrip("\ufeff")

    def blocks(self) -> Iterator[str]:
        """Every block once, the first one too; none is empty. Raises ``FeedError`` for what is no text."""
        text = self.head
        while True:
            if text:
                yield text
            block = self._stream.read(BLOCK_BYTES)
            text = self._read(block)
            if not block:
                break
        if text:
            yield text

    def _read(self, block: bytes) -> str:
        text = self._decode(block)
        if "\r" in text or not block:
            text = str(self._line_breaks.decode(text, final=not block))
        elif text:
            text = str(self._line_breaks.decode(text))
        if "\0" in text:
            line = 1 + self._lines_done + text.count("\n", 0, text.index("\0"))
            raise FeedError(
                f"line {line}: a NUL character; expected text",
                code="feed_has_nul",
                fix="The file is damaged, or its encoding is unusual. " + _SAVE_AS_UTF8,
            )
        self._lines_done += text.count("\n")
        return text

    def _decode(self, block: bytes) -> str:
        decoder = self._decoder
        if decoder is None:
            if block.isascii():
                return block.decode("ascii")
            decoder = self._choose(by_content(block, self._stated))
        final = not block
        try:
            return decoder.decode(block, final)
        except UnicodeDecodeError as error:
            if final:
                raise FeedError(
                    f"line {1 + self._lines_done}: the feed ends in the middle of a character",
                    code="feed_cut_off",
                    fix="Make and send the file again: its end is missing.",
                ) from error
            self._note_bad(block, error)
            decoder.errors = "adserver.windows-1252" if self._codec == "utf-8" else "replace"
            return decoder.decode(block)

    def _choose(self, charset: Charset) -> codecs.IncrementalDecoder:
        self._codec = charset.codec
        self._decoder = codecs.getincrementaldecoder(charset.codec)()
        if charset.guessed or (self._stated and not charset.mark and self._stated != charset.codec):
            self._note(charset)
        return self._decoder

    def _note(self, charset: Charset) -> None:
        stated = f"{self._stated} declared, " if self._stated else ""
        self.notices.append(
            RowProblem(
                line=1 + self._lines_done,
                product_id="",
                field="encoding",
                found=f"{stated}{charset.codec} read",
                expected="UTF-8",
                code="encoding_guessed",
                fix=_SAVE_AS_UTF8,
                left_out=False,
            )
        )

    def _note_bad(self, block: bytes, error: UnicodeDecodeError) -> None:
        bad = error.object[error.start : error.end]
        before = block.count(b"\n", 0, max(0, error.start - len(error.object) + len(block)))
        self.notices.append(
            RowProblem(
                line=1 + self._lines_done + before,
                product_id="",
                field="encoding",
                found=f"{bad[:8].hex(' ')} (hexadecimal)",
                expected=f"{self._codec} from the first line to the last",
                code="encoding_mixed",
                fix=_SAVE_AS_UTF8,
                left_out=False,
            )
        )
