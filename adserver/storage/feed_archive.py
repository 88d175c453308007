"""The last good catalog of each feed, packed, so that an empty Valkey can be filled again, prices seen included.

One file per advertiser: JSON lines, compressed with zstd. A line that says what it is of, a line per product, and a
last line with their number. It is written beside the file before it and takes its place in one step.
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import orjson
import zstandard

from adserver.model.product import Availability, Product
from adserver.storage.places import Place
from adserver.storage.product_values import values_of

FORMAT = 1
_LEVEL = 1
"""zstd's quickest: a feed's text shrinks to a tenth all the same."""

_BATCH = 500
_LONGEST_LINE = 4 * 1024 * 1024
_SUFFIX = ".jsonl.zst"


class ArchiveDamaged(Exception):  # noqa: N818  a state of the disk, not a mistake in the program
    """The archived feed can not be read to its end; the text says why."""


class Draft:
    """A catalog that is being written. An error of the disk does not stop an import: ``keep`` raises it."""

    def __init__(self, archive: "FeedArchive", name: str, head: Mapping[str, object]) -> None:
        self._archive = archive
        self._name = name
        self._file = archive.beside(name)
        self._packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
        self._trouble: OSError | None = None
        self._products = 0
        self._write([{"format": FORMAT, "fields": Product._fields, **head}])

    def add(self, products: Collection[Product]) -> None:
        """The next ones."""
        self._products += len(products)
        self._write(map(values_of, products))

    def keep(self) -> None:
        """Take the place of the catalog before. Raises OSError; then that one stays."""
        self._write([{"products": self._products}])
        try:
            if self._trouble is not None:
                raise self._trouble
            self._file.write(self._packer.flush())
            self._file.flush()
            os.fsync(self._file.fileno())
            self._archive.put(Path(self._file.name), self._name)
        finally:
            self.discard()

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def _write(self, lines: Iterable[object]) -> None:
        if self._trouble is None:
            text = b"".join([orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines])
            try:
                self._file.write(self._packer.compress(text))
            except OSError as error:
                self._trouble = error


class FeedArchive:
    """In a folder, or at any URL that fsspec knows. Its methods block: large ones belong into a thread."""

    def __init__(self, place: str | Path) -> None:
        self._place = Place(place)

    def draft(self, advertiser: str, ref: int, **head: object) -> Draft:
        """Begin a catalog; ``head`` is what ``Archived.head`` gives back. Raises OSError."""
        return Draft(self, _name(advertiser, ref), {"advertiser": advertiser, "ref": ref, **head})

    def open(self, advertiser: str, ref: int) -> "Archived | None":
        """The last good catalog; None where there is none. Raises ArchiveDamaged, OSError."""
        try:
            return Archived(self._place.open(_name(advertiser, ref)))
        except FileNotFoundError:
            return None

    def tidy(self, advertisers: Mapping[str, int]) -> None:
        """Drop the files of advertisers that are not among these (id -> ref), and drafts of processes that died."""
        kept = {_name(advertiser, ref) for advertiser, ref in advertisers.items()}
        for name in self._place.names():
            if name.endswith(_SUFFIX) and name not in kept:
                self._place.remove(name)
        self._place.drop_old_drafts()

    def beside(self, name: str) -> IO[bytes]:
        """A new file for a draft."""
        folder = self._place.drafts()
        return cast(
            "IO[bytes]", tempfile.NamedTemporaryFile(dir=folder, prefix=f"{name}.", suffix=".new", delete=False)
        )

    def put(self, draft: Path, name: str) -> None:
        """In one step: whoever reads finds the one or the other."""
        self._place.put(draft, name)


class Archived:
    """An open archive: its ``head``, and once its products."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        with contextlib.ExitStack() as on_trouble:
            on_trouble.callback(file.close)
            unpacker = zstandard.ZstdDecompressor().stream_reader(file)
            self._lines = io.BufferedReader(cast("io.RawIOBase", unpacker), 1024 * 1024)
            self.head: Mapping[str, Any] = self._next()
            if self.head.get("format") != FORMAT:
                raise ArchiveDamaged(f"it has format {self.head.get('format')}, expected {FORMAT}")
            on_trouble.pop_all()

    def batches(self) -> Iterator[list[Product]]:
        """All products, some hundreds at a time. Raises ArchiveDamaged where the end is missing."""
        make = _maker(self.head["fields"])
        count, batch = 0, []
        while isinstance(row := self._next(), list):
            batch.append(make(row))
            count += 1
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
        if row.get("products") != count:
            raise ArchiveDamaged(f"it has {count} products, expected {row.get('products')}")

    def close(self) -> None:
        """Done with it."""
        self._file.close()

    def _next(self) -> Any:
        try:
            line = self._lines.readline(_LONGEST_LINE)
            return orjson.loads(line)
        except (zstandard.ZstdError, ValueError) as error:
            raise ArchiveDamaged("it ends too early, or was changed") from error


def _maker(names: list[str]) -> Any:
    """Makes a Product of a line's values: fields of a later version are left out, those of an older one added."""
    known = [(place, name) for place, name in enumerate(names) if name in Product._fields]

    def make(row: list[Any]) -> Product:
        values = {name: row[place] for place, name in known}
        values["availability"] = Availability(values["availability"])
        values["more_images"] = tuple(values["more_images"])
        values["labels"] = tuple(values["labels"])
        values["history"] = tuple((second, price) for second, price in values["history"])
        return Product(**values)

    return make


def _name(advertiser: str, ref: int) -> str:
    """The number tells an advertiser from one that had the id before; ids have no dots."""
    return f"{advertiser}.{ref}{_SUFFIX}"
