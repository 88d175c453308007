"""The fields of a row that have few different values in a feed: each value is read once and remembered."""

from collections.abc import Mapping, Sequence

from adserver.catalog.fields import LABELS
from adserver.catalog.problem import RowProblems
from adserver.catalog.problem_kinds import AVAILABILITY_UNKNOWN, CONDITION_UNKNOWN, GROUP_UNUSABLE, PLACEHOLDER
from adserver.catalog.remembered import Remembered
from adserver.catalog.text import is_placeholder, means_none, read_category, read_id, read_name
from adserver.catalog.vocabulary import read_availability, read_condition
from adserver.model.product import Availability


class WordReader:
    """Reads the words of one feed; ``problems`` hears of those that can not be used."""

    __slots__ = ("_availabilities", "_categories", "_conditions", "_groups", "_names", "_problems")

    def __init__(self, problems: RowProblems) -> None:
        self._problems = problems
        self._availabilities = Remembered(read_availability)
        self._conditions = Remembered(read_condition)
        self._groups = Remembered(_read_group)
        self._categories = Remembered(lambda text: None if is_placeholder(text) else read_category(text))
        self._names = {
            field: Remembered(lambda text: None if is_placeholder(text) else read_name(text))
            for field in ("brand", "color", "size", *LABELS)
        }

    def availability(self, text: str) -> Availability:
        """What is not known is taken for out of stock."""
        availability = self._availabilities[text]
        if availability is None:
            self._problems.tell(PLACEHOLDER if is_placeholder(text) else AVAILABILITY_UNKNOWN, "availability", text)
            return Availability.OUT_OF_STOCK
        return availability

    def condition(self, text: str) -> str:
        """``new``, ``used``, ``refurbished`` or empty."""
        condition = self._conditions[text]
        if condition is None:
            self._problems.tell(PLACEHOLDER if is_placeholder(text) else CONDITION_UNKNOWN, "condition", text)
            return ""
        return condition

    def name(self, field: str, row: Mapping[str, str]) -> str:
        """The brand, colour, size or label; see ``text.read_name``."""
        text = row.get(field)
        if not text:
            return ""
        name = self._names[field][text]
        if name is None:
            self._problems.tell(PLACEHOLDER, field, text)
            return ""
        return name

    def category(self, row: Mapping[str, str]) -> str:
        """The shop's own, else Google's."""
        for field in ("product_type", "google_product_category"):
            text = row.get(field)
            if not text:
                continue
            category = self._categories[text]
            if category:
                return category
            if category is None:
                self._problems.tell(PLACEHOLDER, field, text)
        return ""

    def group(self, text: str) -> str:
        """The id of the group; variants of one product often follow each other."""
        if not text:
            return ""
        group = self._groups[text]
        if group is None:
            self._problems.tell(PLACEHOLDER if read_id(text) else GROUP_UNUSABLE, "item_group_id", text)
            return ""
        return group

    def labels(self, row: Mapping[str, str]) -> tuple[str, ...]:
        """``custom_label_0`` to ``custom_label_4``, without the empty ones at the end."""
        if row.keys().isdisjoint(LABELS):
            return ()
        found = tuple([self.name(field, row) for field in LABELS])
        return _without_end(found) if any(found) else ()

    def availabilities(self, texts: Sequence[str]) -> list[Availability | None]:
        """Of many rows; here and below, None is where there is something to be told."""
        return list(map(self._availabilities.__getitem__, texts))

    def conditions(self, texts: Sequence[str]) -> list[str | None]:
        """See ``condition``."""
        return list(map(self._conditions.__getitem__, texts))

    def names(self, field: str, texts: Sequence[str]) -> list[str | None]:
        """See ``name``."""
        return list(map(self._names[field].__getitem__, texts))

    def groups(self, texts: Sequence[str]) -> list[str | None]:
        """See ``group``."""
        return list(map(self._groups.__getitem__, texts))

    def categories(self, own: Sequence[str], google: Sequence[str]) -> list[str | None]:
        """See ``category``."""
        found = list(map(self._categories.__getitem__, own))
        if "" not in found:
            return found
        others = map(self._categories.__getitem__, google)
        return [other if category == "" else category for category, other in zip(found, others, strict=True)]

    def all_labels(self, columns: Mapping[str, Sequence[str]], blank: Sequence[str]) -> list[tuple[str, ...] | None]:
        """See ``labels``."""
        found = zip(*(self.names(field, columns.get(field, blank)) for field in LABELS), strict=True)
        return [None if None in labels else _without_end(labels) if any(labels) else () for labels in found]


def _without_end(labels: tuple[str, ...]) -> tuple[str, ...]:
    while not labels[-1]:
        labels = labels[:-1]
    return labels


def _read_group(text: str) -> str | None:
    if means_none(text):
        return ""
    group = read_id(text)
    return None if is_placeholder(group) else group or None
