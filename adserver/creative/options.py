"""What a line item may tell a design: a headline, a colour, whether something is shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adserver.creative.colors import COLOR
from adserver.creative.fault import CreativeError
from adserver.model.line_item import OptionValue

LONGEST_TEXT = 120
"""Characters of a text, where its creative does not say another number."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOST_TEXT = 1_000
_MOST_NUMBER = 2**53  # whole numbers up to this are the same in every JSON
_COMMON = frozenset({"type", "default", "help"})


class OptionType(StrEnum):
    """What an option's values are."""

    TEXT = "text"
    CHOICE = "choice"
    YES_NO = "yes_no"
    NUMBER = "number"
    COLOR = "color"


_OWN_KEYS = {OptionType.TEXT: {"max"}, OptionType.CHOICE: {"choices"}, OptionType.NUMBER: {"min", "max"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that a design can be told. ``least`` and ``most`` bound a number; ``most`` is the longest text, in
    characters. ``choices`` are those of a choice; ``help`` is one sentence for who sets it."""

    name: str
    type: OptionType
    default: OptionValue
    least: float = 0
    most: float = 0
    choices: tuple[str, ...] = ()
    help: str = ""

    def fits(self, value: object) -> bool:
        """Whether it may have this value."""
        match self.type:
            case OptionType.TEXT:
                return isinstance(value, str) and len(value) <= self.most and (value.isprintable() or not value)
            case OptionType.CHOICE:
                return isinstance(value, str) and value in self.choices
            case OptionType.YES_NO:
                return isinstance(value, bool)
            case OptionType.NUMBER:
                return is_number(value) and self.least <= value <= self.most  # type: ignore[operator]
            case OptionType.COLOR:
                return isinstance(value, str) and (not value or COLOR.fullmatch(value) is not None)

    @property
    def expected(self) -> str:
        """What its values have to be, for messages."""
        match self.type:
            case OptionType.TEXT:
                return f"a text of at most {self.most:g} characters"
            case OptionType.CHOICE:
                return f"one of {', '.join(self.choices)}"
            case OptionType.YES_NO:
                return "true or false"
            case OptionType.NUMBER:
                return f"a number from {self.least:g} to {self.most:g}"
            case OptionType.COLOR:
                return 'a colour such as "#0a5c36", or "" for none'


Options = Mapping[str, Option]
"""All options of a design, by name."""


def resolved(options: Options, given: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
    """The value of every option: the given one where it fits, else the default. Never raises: what was once accepted
    may not fit any more when the design has changed."""
    return {
        name: given[name] if name in given and option.fits(given[name]) else option.default
        for name, option in options.items()
    }


def read_options(folder: Path, value: object) -> Options:
    """The ``[options]`` of a manifest; raises ``CreativeError``."""
    if not isinstance(value, dict):
        raise CreativeError(folder, "options", "tables such as [options.headline]")
    return MappingProxyType({name: _option(folder, name, table) for name, table in value.items()})


def _option(folder: Path, name: str, table: object) -> Option:
    key = f"options.{name}"
    if not _NAME.fullmatch(name):
        raise CreativeError(folder, key, "a name of at most 32 characters a-z 0-9 _ that begins with a letter")
    if not isinstance(table, dict):
        raise CreativeError(folder, key, f"a table such as [{key}]")
    kinds = [kind.value for kind in OptionType]
    if table.get("type") not in kinds:
        raise CreativeError(folder, f"{key}.type", f"one of {', '.join(kinds)}")
    kind = OptionType(table["type"])
    known = _COMMON | _OWN_KEYS.get(kind, set())
    for unknown in sorted(table.keys() - known):
        raise CreativeError(folder, f"{key}.{unknown}", f"one of {', '.join(sorted(known))}")
    option = _typed(folder, name, kind, table)
    if not isinstance(table.get("help"), str) or not option.help:
        raise CreativeError(folder, f"{key}.help", "one sentence for who sets it")
    if not option.fits(option.default):
        raise CreativeError(folder, f"{key}.default", option.expected)
    return option


def _typed(folder: Path, name: str, kind: OptionType, table: dict[str, Any]) -> Option:
    key, least, most, choices = f"options.{name}", table.get("min", 0), table.get("max", 0), table.get("choices", [])
    if kind is OptionType.TEXT:
        most = table.get("max", LONGEST_TEXT)
        if type(most) is not int or not 1 <= most <= _MOST_TEXT:
            raise CreativeError(folder, f"{key}.max", f"a whole number from 1 to {_MOST_TEXT}")
    if kind is OptionType.NUMBER:
        for bound in ("min", "max"):
            if not is_number(table.get(bound)):
                raise CreativeError(folder, f"{key}.{bound}", "a number")
        if least > most:
            raise CreativeError(folder, f"{key}.max", f"a number from {least:g} on")
    are_words = isinstance(choices, list) and all(isinstance(word, str) and _NAME.fullmatch(word) for word in choices)
    if kind is OptionType.CHOICE and not (are_words and choices):
        raise CreativeError(folder, f"{key}.choices", 'a list of words such as ["light", "dark"]')
    return Option(
        name=name,
        type=kind,
        default=table.get("default", ""),
        least=least,
        most=most,
        choices=tuple(choices),
        help=table.get("help", ""),
    )


def is_number(value: object) -> bool:
    """Also one that a JSON of ours can hold; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MOST_NUMBER <= value <= _MOST_NUMBER
