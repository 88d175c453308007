"""Products as bytes: a JSON array without names, compressed with what the products of one catalog have in common.

A short text compresses badly by itself, and well with a dictionary that knows the shop's URLs and words already. It is
learnt from the first products of an import, and is kept in the **head** of that catalog's version; a catalog of a few
products has none, and its products stay JSON. Each packed product tells by its first byte which of both it is.

A format that an earlier server could not read has another first byte in the head, and a change like that has to keep
away from the names of keys that exist. Fields that a later version of the server appends are left alone.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson
from zstandard import ZstdCompressionDict, ZstdCompressor, ZstdDecompressor, ZstdError, train_dictionary

from adserver.model.product import Availability, Product
from adserver.storage.product_values import values_of

FORMAT = b"\x01"

LEARNT_FROM = 100
"""So many products are needed for a dictionary."""

_SAMPLES, _SAMPLE_BYTES = 500, 2_000
_DICTIONARY_BYTES = 4_096
_LEVEL = 1
_OPEN = 16
"""Dictionaries that are held ready for reading, about 130 KB each; to make one ready takes 15 µs."""

_JSON = ord("[")
_FIELDS = len(Product._fields) - 1
_AT = {name: place for place, name in enumerate(Product._fields[1:])}
_AVAILABILITY = {str(availability): availability for availability in Availability}
_AT_AVAILABILITY, _AT_IMAGES = _AT["availability"], _AT["more_images"]
_AT_LABELS, _AT_HISTORY = _AT["labels"], _AT["history"]


class ProductCodec:
    """Packs and unpacks the products of one version of a catalog. ``dictionary`` is empty for none."""

    def __init__(self, dictionary: bytes = b"") -> None:
        self.head = FORMAT + dictionary
        shared = ZstdCompressionDict(dictionary) if dictionary else None
        self._shared = shared
        self._compressor: ZstdCompressor | None = None
        self._decompressor = ZstdDecompressor(dict_data=shared) if shared else None

    @property
    def learnt(self) -> bool:
        """Whether it has a dictionary."""
        return self._shared is not None

    def pack(self, product: Product) -> bytes:
        """Everything but the id, which is the field's name."""
        packed = _json(product)
        if self._shared is None:
            return packed
        if self._compressor is None:
            self._compressor = ZstdCompressor(
                _LEVEL, dict_data=self._shared, write_content_size=True, write_dict_id=False
            )
        return self._compressor.compress(packed)

    def unpack(self, product_id: str, packed: bytes) -> Product:
        """The reverse. What a later version of the server calls an availability is none to us."""
        return product_of(product_id, self.values(packed))

    def values(self, packed: bytes) -> list[Any]:
        """The fields behind the id, as JSON knows them."""
        if packed[0] != _JSON:
            if self._decompressor is None:
                raise ValueError("packed with a dictionary, but its catalog has none")
            packed = self._decompressor.decompress(packed)
        values: list[Any] = orjson.loads(packed)
        return values


def _json(product: Product) -> bytes:
    return orjson.dumps(values_of(product)[1:])


def product_of(product_id: str, values: list[Any]) -> Product:
    """A product from its id and the fields behind it, which are changed."""
    if len(values) != _FIELDS:
        values = [*values[:_FIELDS], *Product("", "", "", "", 0, "")[1 + len(values) :]]
    values[_AT_AVAILABILITY] = _AVAILABILITY.get(values[_AT_AVAILABILITY], Availability.OUT_OF_STOCK)
    values[_AT_IMAGES] = tuple(values[_AT_IMAGES])
    values[_AT_LABELS] = tuple(values[_AT_LABELS])
    values[_AT_HISTORY] = tuple([(since, price) for since, price in values[_AT_HISTORY]])
    return Product(product_id, *values)


def change_of(before: Product, after: Product, says: Collection[str] = ()) -> bytes:
    """What ``after`` has other than ``before``, and the fields that ``says`` names, for ``with_changes``."""
    fields = zip(Product._fields, before, after, strict=True)
    return orjson.dumps({name: new for name, old, new in fields if old != new or name in says})


def with_changes(codec: ProductCodec, product_id: str, packed: bytes, changes: Iterable[bytes]) -> Product:
    """The same changes made to another packed product. Fields that only a later version has are left out."""
    values = codec.values(packed)
    for change in changes:
        for name, value in orjson.loads(change).items():
            if name in _AT:
                values[_AT[name]] = value
    return product_of(product_id, values)


def learn(products: Sequence[Product]) -> bytes:
    """The dictionary of a catalog that begins like this; empty where there is nothing to be learnt."""
    if len(products) < LEARNT_FROM:
        return b""
    samples: list[bytes | bytearray | memoryview] = [_json(product)[:_SAMPLE_BYTES] for product in products[:_SAMPLES]]
    try:
        return train_dictionary(_DICTIONARY_BYTES, samples).as_bytes()
    except ZstdError:
        return b""  # products that are all the same, for example


class Codecs:
    """The codecs of the catalogs that were used last, each by its head. For one thread."""

    def __init__(self) -> None:
        self._held: OrderedDict[bytes, ProductCodec] = OrderedDict()

    def of(self, head: bytes | None) -> ProductCodec | None:
        """The codec to read with; None where there is no catalog, or one whose format we do not know."""
        if head is None or head[:1] != FORMAT:
            return None
        codec = self._held.get(head)
        if codec is None:
            codec = self._held[head] = ProductCodec(head[1:])
            if len(self._held) > _OPEN:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(head)
        return codec
