"""What the elements of an XML feed are called, and which field of a product each one stands for."""

import re
from typing import NamedTuple

from adserver.catalog.fields import ALIASES
from adserver.catalog.header import normalise, ranks
from adserver.catalog.problem import FeedError

ITEM_NAMES = frozenset(
    {"item", "entry", "product", "offer", "shopitem", "article", "artikel", "produkt", "produit", "producto"}
    | {"prodotto", "o", "row", "record", "listing"}
)
"""Elements, without prefix and in lower case, that are one product each. A feed uses the first that it has."""

NAMES = 10_000
"""Most different names of elements and attributes: the parser keeps every one."""

NAME_CHARACTERS = 200
"""Longest name of an element or attribute."""

_GOOGLE = re.compile(r"https?://base\.google\.com/ns/1\.0/?")
_FROM_ATTRIBUTE = 100_000
_ALIAS = 2


class Slot(NamedTuple):
    """Where a text goes. Of several texts for one field that of the lowest ``rank`` is kept; 0 is Google's own name.

    Below it are names that are meant even where that is there too.
    """

    field: str
    rank: int


class Names:
    """Remembers what was found out about each name of one feed."""

    def __init__(self) -> None:
        self.slots: dict[str, Slot | None] = {}
        self.item = ""
        self.undeclared = False
        self._spaces: dict[str, str] = {}
        self._attributes: set[str] = set()
        self._own_prefix = ""

    def declare(self, attributes: dict[str, str]) -> None:
        """Take note of the namespaces that an element declares."""
        for name, value in attributes.items():
            if name == "xmlns" or name.startswith("xmlns:"):
                self._spaces[name[6:]] = value.strip()

    def count_attributes(self, attributes: dict[str, str]) -> None:
        """Raises ``FeedError`` past ``NAMES`` different ones."""
        if not attributes.keys() <= self._attributes:
            self._attributes.update(attributes)
            self._refuse_excess(max(attributes, key=len), len(self._attributes))

    def is_item(self, name: str) -> bool:
        """Whether the element is a product; the first one that is decides for the feed."""
        if self.item:
            return name == self.item
        prefix, _, local = name.rpartition(":")
        if local.lower() not in ITEM_NAMES:
            return False
        self.item = name
        self._own_prefix = prefix
        self.slots.clear()
        return True

    def learn(self, name: str) -> Slot | None:
        """The slot of an element inside of an item, from now on in ``slots``; None where it is none of ours."""
        slot = self._find(name)
        self.slots[name] = slot
        self._refuse_excess(name, len(self.slots))
        return slot

    def of_attribute(self, name: str) -> Slot | None:
        """The slot of an item's attribute: elements come first."""
        field = ALIASES.get(normalise(name))
        return None if field is None else Slot(field, _FROM_ATTRIBUTE + ranks()[normalise(name)])

    def _find(self, name: str) -> Slot | None:
        prefix, _, local = name.rpartition(":")
        space = self._spaces.get(prefix)
        google = prefix == "g" or (space is not None and _GOOGLE.fullmatch(space) is not None)
        if prefix == "g" and space is None:
            self.undeclared = True
        if prefix and not google and prefix != self._own_prefix:
            return None
        known_as = normalise(local)
        field = ALIASES.get(known_as)
        if field is None:
            return None
        if known_as != field:
            rank = ranks()[known_as]
            return Slot(field, rank if rank < 0 else _ALIAS + rank)
        return Slot(field, 0 if google else 1)

    def _refuse_excess(self, name: str, count: int) -> None:
        if len(name) > NAME_CHARACTERS:
            raise FeedError(
                f"a name of more than {NAME_CHARACTERS} characters in the XML; expected the names of fields",
                code="xml_name_too_long",
                fix="Use one element per field, with the name that Google Merchant Center has for it.",
            )
        if count > NAMES:
            raise FeedError(
                f"more than {NAMES:,} different names in the XML; expected the same fields in every item",
                code="xml_too_many_names",
                fix="Use one element per field, with the name that Google Merchant Center has for it.",
            )
