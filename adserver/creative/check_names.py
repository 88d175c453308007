"""Names in templates, also where no sample comes by: variables, attributes, macros, other templates."""

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from adserver.creative.flaw import Flaw, error
from adserver.creative.manifest import Manifest
from adserver.creative.words import ENGLISH, words_of

BANNER = frozenset(
    {
        *("size", "width", "height", "count", "long_prices", "advertiser_name", "lang", "dir", "words", "options"),
        *("because", "discount", "offer_text", "coupon", "ends_in", "ends_text", "products", "fonts", "csp", "css"),
        *("impression_url", "click_url", "why_url", "hide_url", "privacy_url"),
    }
)
"""The variables of ``banner.html``."""

PRODUCT = frozenset({"tile", "click_url", "words", "options"})
"""Those of ``product.html``."""

TILE = frozenset({"title", "price_text", "was_price_text", "discount", "badge", "picture", "click_url", "letter"})
PICTURE = frozenset(["url", "url_2x", "width", "height"])

_OF_JINJA = frozenset(
    {"range", "dict", "lipsum", "cycler", "joiner", "namespace", "loop", "caller", "varargs", "kwargs"}
)
_MACROS_FILE = "macros.html"


def name_flaws(folder: Path, manifest: Manifest) -> Iterator[Flaw]:
    """Every name that a template uses and does not get."""
    yield from _flaws(folder, "banner.html", manifest, BANNER)
    if manifest.min_products:
        yield from _flaws(folder, "product.html", manifest, PRODUCT)


def _flaws(folder: Path, file: str, manifest: Manifest, known: Collection[str]) -> Iterator[Flaw]:
    try:
        tree = Environment(autoescape=True).parse((folder / file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as unreadable:
        yield error(file, "can not be read", f"a UTF-8 file: {unreadable}")
        return
    except TemplateSyntaxError as mistake:
        yield error(file, f"is no Jinja2 template: {mistake.message}", "Jinja2", f"line {mistake.lineno}")
        return
    for name in sorted(meta.find_undeclared_variables(tree) - set(known) - _OF_JINJA):
        place = next((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), 0)
        yield error(file, f"{name} is unknown", f"one of {', '.join(sorted(known))}", f"line {place}")
    for other in meta.find_referenced_templates(tree):
        if other != _MACROS_FILE:
            yield error(file, f"takes in {other or 'another template'}", f"{_MACROS_FILE} only")
    yield from _attributes(file, tree, manifest)


def _attributes(file: str, tree: nodes.Template, manifest: Manifest) -> Iterator[Flaw]:
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")}
    known: dict[str, Collection[str]] = {
        "words": words_of(ENGLISH, manifest.labels).keys(),
        "options": manifest.options.keys(),
        "tile": TILE,
        "tile.picture": PICTURE,
    }
    known |= {node.target: _macros() for node in tree.find_all(nodes.Import) if _is_ours(node)}
    found: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    for node in found:
        holder, name = _path(node.node), _name(node)
        names = known.get(holder)
        if names is None or name is None or name in names or holder.partition(".")[0] in own - _imported(tree):
            continue
        yield error(file, f"{holder}.{name} is unknown", _one_of(holder, names), f"line {node.lineno}")


def _one_of(holder: str, names: Collection[str]) -> str:
    if names:
        return f"one of {', '.join(sorted(names))}"
    return f"no {holder}: creative.toml has none"


def _imported(tree: nodes.Template) -> set[str]:
    return {node.target for node in tree.find_all(nodes.Import)}


def _is_ours(node: nodes.Import) -> bool:
    return isinstance(node.template, nodes.Const) and node.template.value == _MACROS_FILE


def _path(node: nodes.Node) -> str:
    """``tile`` or ``tile.picture``; empty for what is no plain path."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return ""


def _name(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    value = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return value if isinstance(value, str) else None


@cache
def _macros() -> frozenset[str]:
    tree = Environment(autoescape=True).parse((Path(__file__).parent / "parts" / _MACROS_FILE).read_text("utf-8"))
    return frozenset(macro.name for macro in tree.find_all(nodes.Macro))
