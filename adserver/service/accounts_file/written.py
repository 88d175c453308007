"""Accounts as the file writes them: the way back."""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

from adserver.model.account import span
from adserver.model.cap import Cap
from adserver.model.line_item import Daypart
from adserver.model.segment import Rule
from adserver.service.accounts_file import money
from adserver.service.accounts_file.times import daypart_written, moment_written

_MONEY = {"amount", "total", "daily", "min_value", "max_value", "min_price", "max_price"}
_MOMENTS = {"start", "end", "ends"}
_GAP = "min_gap_s"


class Moment(str):
    """A date and time: written without quotes."""

    __slots__ = ()


def key_of(field: str) -> str:
    """The key that a noun's field is written as."""
    return field.removesuffix("_s")


def written(field: str, value: object) -> object:
    """The value of a noun's field: texts, numbers, truths, ``Moment``, and lists and tables of them.

    None stays None: the file writes it by leaving it out, or as an empty table.
    """
    if field in _MOMENTS and isinstance(value, int):
        return Moment(moment_written(value))
    if field in _MONEY and isinstance(value, int):
        return money.written(value)
    if field.endswith("_s") and isinstance(value, int):
        return span(value) if value or field != _GAP else "0s"
    match value:
        case Cap():
            return str(value)
        case Daypart():
            return daypart_written(value)
        case Rule():
            return _rule(value)
        case StrEnum():
            return value.value
        case tuple():
            return [written("", part) for part in value]
        case Mapping():
            return {str(name): written("", part) for name, part in value.items()}
    return _table(value) if hasattr(value, "__dataclass_fields__") else value


def toml(value: object) -> str:
    """One line of TOML of what ``written`` answers."""
    match value:
        case Moment():
            return value
        case bool():
            return str(value).lower()
        case str():
            return _quoted(value)
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return "{ " + ", ".join(f"{name} = {toml(part)}" for name, part in value.items()) + " }" if value else "{}"
    return str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else f"\\U{ord(letter):08X}" for letter in escaped) + '"'


def _rule(rule: Rule) -> dict[str, Any]:
    if rule.happened:
        return _table(rule.happened)
    if rule.negated:
        return {"not": _rule(rule.negated)}
    name, parts = ("all", rule.all) if rule.all else ("any", rule.any)
    return {name: [_rule(part) for part in parts]}


def _table(noun: Any) -> dict[str, Any]:
    """What differs from the defaults, and what has none."""
    named = [field for field in fields(noun) if getattr(noun, field.name) != field.default]
    pairs = [(field.name, getattr(noun, field.name)) for field in named or fields(noun)]
    return {key_of(name): written(name, value) for name, value in pairs}
