"""What must not stand in a style sheet: anything that loads, and what makes browsers work hard."""

import re
from collections.abc import Iterator

from adserver.creative.flaw import Flaw, error, warning
from adserver.creative.style_rules import Declaration, Rule, rules_of

_FILE = "banner.css"
_LOADS = re.compile(
    r"(?:url|src|image-set|-webkit-image-set|image)\(\s*(?![\s\"']*#)|expression\(|javascript:", re.IGNORECASE
)
_SLOW = re.compile(r"\bblur\(|\bdrop-shadow\(|\burl\(", re.IGNORECASE)
_FILTERS = frozenset({"filter", "-webkit-filter", "backdrop-filter", "-webkit-backdrop-filter"})
_BINDINGS = frozenset({"behavior", "-moz-binding"})


def style_flaws(css: str) -> Iterator[Flaw]:
    """Of ``banner.css`` as it was written."""
    for rule in rules_of(css):
        yield from _of_prelude(rule)
        for declaration in rule.declarations:
            yield from _of_declaration(declaration)


def _of_prelude(rule: Rule) -> Iterator[Flaw]:
    where, prelude = f"line {rule.line}", rule.prelude.lower()
    if prelude.startswith("@import"):
        yield error(_FILE, "@import", "one style sheet: the policy lets no other load", where)
    if prelude.startswith("@font-face"):
        yield error(_FILE, "@font-face", '"Adserver Sans", which is there, or fonts that visitors have', where)


def _of_declaration(declaration: Declaration) -> Iterator[Flaw]:
    name, value, where = declaration.name, declaration.value, f"line {declaration.line}"
    if _LOADS.search(value) or name in _BINDINGS:
        yield error(_FILE, f"{name} loads something", "colours, gradients and shapes: nothing else can load", where)
    if name in _FILTERS and value.lower() not in ("none", "initial", "unset"):
        heavy = name.endswith("backdrop-filter") or _SLOW.search(value)
        what = f"{name}: {value[:60]}"
        if heavy:
            yield warning(_FILE, what, "plain colours: a blur costs time with every frame that is painted", where)
