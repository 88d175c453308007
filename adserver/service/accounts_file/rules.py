"""The rules of segments: ``all``, ``any``, ``not``, and what happened."""

from dataclasses import replace
from typing import Any

from adserver.model.account import ACCOUNT_ID_PATTERN
from adserver.model.event_name import EventName
from adserver.model.segment import Happened, Rule
from adserver.service.accounts_file import values
from adserver.service.accounts_file.money import AMOUNT, amount
from adserver.service.accounts_file.problem import nearest
from adserver.service.accounts_file.times import span
from adserver.service.accounts_file.wrong import Check, Wrong, inside

MOST_LEAVES = 100
DEEPEST_RULE = 10
_KINDS = ("all", "any", "not", "event")

# key -> (the field of Happened, what is expected, check)
_KEYS: dict[str, tuple[str, str, Check]] = {
    "event": ("event", f"one of {', '.join(EventName)}", values.one_of(EventName)),
    "min_count": ("min_count", "a whole number from 1 to 50", values.whole(1, 50)),
    "within": ("within_s", 'a time from "1min" to "180d" such as "90d"', span(60, 180 * 86_400)),
    "min_value": ("min_value", AMOUNT, amount()),
    "max_value": ("max_value", AMOUNT, amount()),
    "url": ("url", "a part of an address, 1 to 200 characters", values.text(200)),
    "products": ("products", 'a list of product ids such as ["SKU1"]', values.each(values.product_id, most=100)),
    "product_set": ("product_set", "the id of a product set", values.matching(ACCOUNT_ID_PATTERN)),
    "category": ("category", 'a category such as "Shoes > Boots"', values.text(750)),
    "min_price": ("min_price", AMOUNT, amount()),
    "max_price": ("max_price", AMOUNT, amount()),
}


def rule(value: Any) -> object:
    """At most ``MOST_LEAVES`` of what happened, at most ``DEEPEST_RULE`` rules inside each other."""
    made = _rule(value, 1)
    if isinstance(made, Rule) and (count := _leaves(made)) > MOST_LEAVES:
        return Wrong(f"at most {MOST_LEAVES} events in a segment's rule", found=str(count))
    return made


def _rule(value: Any, depth: int) -> Rule | Wrong:
    if depth > DEEPEST_RULE:
        return Wrong(f"at most {DEEPEST_RULE} rules inside each other")
    kinds = [kind for kind in _KINDS if kind in value] if isinstance(value, dict) else []
    if not kinds:
        return _without_a_kind(value)
    kind = kinds[0]
    if kind == "event":
        happened = _happened(value)
        return happened if isinstance(happened, Wrong) else Rule(happened=happened)
    for name in value:
        if name != kind:
            return Wrong(f'nothing beside "{kind}"; {_ONE_OF}', (name,), found=name)
    return _negated(value["not"], depth) if kind == "not" else _parts(kind, value[kind], depth)


_ONE_OF = "a rule is a table with one of all, any, not or event"


def _without_a_kind(value: Any) -> Wrong:
    if isinstance(value, dict):
        for name in value:
            if hint := nearest(name, list(_KINDS)):
                return Wrong(f"one of {', '.join(_KINDS)}{hint}", (name,), found=name)
    return Wrong(_ONE_OF.removeprefix("a rule is "))


def _negated(value: Any, depth: int) -> Rule | Wrong:
    part = _rule(value, depth + 1)
    return inside(part, "not") if isinstance(part, Wrong) else Rule(negated=part)


def _parts(kind: str, value: Any, depth: int) -> Rule | Wrong:
    if not isinstance(value, list) or not value:
        return Wrong(f"a list of rules such as {kind} = [{{ event = 'view_item' }}]", (kind,))
    parts = []
    for at, element in enumerate(value):
        part = _rule(element, depth + 1)
        if isinstance(part, Wrong):
            return inside(part, kind, at)
        parts.append(part)
    return Rule(all=tuple(parts)) if kind == "all" else Rule(any=tuple(parts))


def _happened(value: dict[str, Any]) -> Happened | Wrong:
    kept: dict[str, Any] = {}
    for name, written in value.items():
        if name not in _KEYS:
            known = list(_KEYS)
            return Wrong(f"one of {', '.join(known)}{nearest(name, known)}", (name,), found=name)
        field, expected, check = _KEYS[name]
        checked = check(written)
        if isinstance(checked, Wrong):
            return replace(inside(checked, name), expected=checked.expected or expected)
        kept[field] = checked
    for least, most in (("min_value", "max_value"), ("min_price", "max_price")):
        if kept.get(least, 0) > kept.get(most, kept.get(least, 0)):
            return Wrong(f"an amount of at least {least}", (most,))
    return Happened(**kept)


def _leaves(made: Rule) -> int:
    inner = (*made.all, *made.any, *([made.negated] if made.negated else ()))
    return sum(map(_leaves, inner)) + (made.happened is not None)
