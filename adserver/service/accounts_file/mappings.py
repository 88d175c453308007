"""Tables whose keys are names or numbers of the shop's own."""

import re
from math import isfinite
from typing import Any

from adserver.model.account import ACCOUNT_ID_PATTERN
from adserver.service.accounts_file import values
from adserver.service.accounts_file.wrong import Wrong, inside

_FEWEST_ARMS, _MOST_ARMS = 2, 8
_MOST_OPTIONS = 50
_LABELS = tuple("01234")


def arms(value: Any) -> object:
    """Name -> weight, by name: the order in which they are written means nothing."""
    if not isinstance(value, dict) or not _FEWEST_ARMS <= len(value) <= _MOST_ARMS:
        return Wrong()
    for name, weight in value.items():
        if not re.fullmatch(ACCOUNT_ID_PATTERN, name):
            return Wrong("a name of letters A-Z a-z, digits, _ or -", (name,), found=name)
        if isinstance(values.whole(1, 1_000)(weight), Wrong):
            return Wrong("a weight from 1 to 1,000", (name,))
    return dict(sorted(value.items()))


def labels(value: Any) -> object:
    """Number of the label -> the values that are in, by number."""
    if not isinstance(value, dict):
        return Wrong()
    kept = {}
    for number, given in value.items():
        if number not in _LABELS:
            return Wrong("a number from 0 to 4: 0 is custom_label_0", (number,), found=number)
        texts = values.each(values.text(100))(given)
        if isinstance(texts, Wrong):
            return inside(Wrong(texts.expected or 'a list of values such as ["sale"]', texts.at, texts.found), number)
        kept[number] = texts
    return dict(sorted(kept.items()))


def options(value: Any) -> object:
    """Name -> what the line item's designs are told, by name. Whether they can be is seen where they are known."""
    if not isinstance(value, dict) or len(value) > _MOST_OPTIONS:
        return Wrong()
    kept = {}
    for name, given in sorted(value.items()):
        told = values.text(1_000, shortest=0)(given) if isinstance(given, str) else given
        if isinstance(told, Wrong):
            return inside(Wrong(told.expected or "a text of at most 1,000 characters"), name)
        if not isinstance(told, str | int | float) or (isinstance(told, float) and not isfinite(told)):
            return Wrong("a text, a number, true or false", (name,))
        kept[name] = told
    return kept
