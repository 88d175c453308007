"""The fields of a row that have few different values in a feed: each value is read once and remembered."""

from collections.abc import Mapping

from adserver.catalog.fields import LABELS
from adserver.catalog.problem import ProblemKind, RowProblems
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
        if isinstance(group, ProblemKind):
            self._problems.tell(group, "item_group_id", text)
            return ""
        return group

    def labels(self, row: Mapping[str, str]) -> tuple[str, ...]:
        """``custom_label_0`` to ``custom_label_4``, without the empty ones at the end."""
        if row.keys().isdisjoint(LABELS):
            return ()
        found = [self.name(field, row) for field in LABELS]
        while found and not found[-1]:
            found.pop()
        return tuple(found)


def _read_group(text: str) -> str | ProblemKind:
    if means_none(text):
        return ""
    group = read_id(text)
    if not group:
        return GROUP_UNUSABLE
    return PLACEHOLDER if is_placeholder(group) else group
