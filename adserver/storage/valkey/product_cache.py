"""What a worker holds of the catalogs, bounded by bytes."""

from collections.abc import Iterable
from sys import getsizeof

from adserver.model.product import Product

_SHELF_BYTES = 600
"""An advertiser of whom anything is held: its shelf, two small dictionaries."""

_ENTRY_BYTES = 100
"""An entry's place in a dictionary that has just grown."""

_OBJECT_BYTES = 8
"""What the allocator rounds up by."""


class Shelf:
    """What is held of one version of one advertiser's catalog: by the id that was asked for, the product, or None where
    there is none. ``young`` was used since the generations changed, ``old`` was not. ``head`` is the version's."""

    __slots__ = ("head", "old", "old_bytes", "ref", "version", "young", "young_bytes")

    def __init__(self, ref: int, version: int) -> None:
        self.ref = ref
        self.version = version
        self.head: bytes | None = None
        self.young: dict[str, Product | None] = {}
        self.old: dict[str, Product | None] = {}
        self.young_bytes = _SHELF_BYTES
        self.old_bytes = 0


class ProductCache:
    """Holds at most ``limit`` bytes, and one entry. What was not used for long goes first: when the young ones have
    come to half of the limit, the old ones go, and the young ones are the old ones then."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._young_bytes = 0
        self._old_bytes = 0
        self.shelves: dict[int, Shelf] = {}

    @property
    def weight(self) -> int:
        """What is held takes so many bytes, or less."""
        return self._young_bytes + self._old_bytes

    def shelf(self, ref: int, version: int) -> Shelf:
        """Where products of that version are held."""
        shelf = self.shelves.get(ref)
        if shelf is None or shelf.version != version:
            self.clear(ref)
            shelf = self.shelves[ref] = Shelf(ref, version)
            self._young_bytes += shelf.young_bytes
        return shelf

    def find(self, shelf: Shelf, ids: Iterable[str]) -> dict[str, Product | None]:
        """Those of ``ids`` that are held; they are young from now on."""
        found = {}
        for product_id in ids:
            if product_id in shelf.young:
                found[product_id] = shelf.young[product_id]
            elif product_id in shelf.old:
                found[product_id] = product = shelf.old[product_id]
                self.drop(shelf.ref, product_id)
                self.hold(shelf, product_id, product)
        return found

    def hold(self, shelf: Shelf, product_id: str, product: Product | None) -> None:
        """Remember what the id asked for is; nothing on a shelf that was cleared meanwhile."""
        if self.shelves.get(shelf.ref) is not shelf:
            return
        self.drop(shelf.ref, product_id)
        shelf.young[product_id] = product
        self._weigh(shelf, weight(product_id, product))

    def hold_head(self, shelf: Shelf, head: bytes) -> None:
        """Remember the head; nothing on a shelf that was cleared meanwhile."""
        if self.shelves.get(shelf.ref) is shelf and shelf.head is None:
            shelf.head = head
            self._weigh(shelf, getsizeof(head))

    def drop(self, ref: int, *ids: str) -> None:
        """Forget these."""
        shelf = self.shelves.get(ref)
        if shelf is None:
            return
        for product_id in ids:
            if product_id in shelf.young:
                weighs = weight(product_id, shelf.young.pop(product_id))
                shelf.young_bytes -= weighs
                self._young_bytes -= weighs
            elif product_id in shelf.old:
                weighs = weight(product_id, shelf.old.pop(product_id))
                shelf.old_bytes -= weighs
                self._old_bytes -= weighs

    def clear(self, ref: int) -> None:
        """Forget all that is held of one advertiser."""
        shelf = self.shelves.pop(ref, None)
        if shelf is not None:
            self._young_bytes -= shelf.young_bytes
            self._old_bytes -= shelf.old_bytes

    def _weigh(self, shelf: Shelf, weighs: int) -> None:
        shelf.young_bytes += weighs
        self._young_bytes += weighs
        if self._young_bytes > self._half:
            self._age()

    def _age(self) -> None:
        """The head goes as well: it is soon read again where it is needed."""
        self.shelves = {ref: shelf for ref, shelf in self.shelves.items() if shelf.young}
        self._young_bytes, self._old_bytes = 0, 0
        for shelf in self.shelves.values():
            shelf.head = None
            shelf.young, shelf.old = {}, shelf.young
            shelf.young_bytes, shelf.old_bytes = _SHELF_BYTES, shelf.young_bytes
            self._young_bytes += shelf.young_bytes
            self._old_bytes += shelf.old_bytes


def weight(product_id: str, product: Product | None) -> int:
    """Bytes that an entry takes: everything that hangs on it, as if it shared nothing with another one."""
    own = getsizeof(product_id) + _ENTRY_BYTES
    if product is None:
        return own
    values = [value for value in product if value]
    own += getsizeof(product) + sum(map(getsizeof, values)) + _OBJECT_BYTES * len(values)
    for texts in (product.more_images, product.labels):
        if texts:
            own += sum(map(getsizeof, texts)) + _OBJECT_BYTES * len(texts)
    for seen in product.history:
        own += getsizeof(seen) + getsizeof(seen[0]) + getsizeof(seen[1]) + 3 * _OBJECT_BYTES
    return own
