"""What must stand nowhere in a template: scripts, other servers, forms, inline styles, text that is not escaped."""

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes

from adserver.creative.flaw import Flaw, error
from adserver.creative.manifest import Manifest

_NO_SCRIPT = "no script: the frame is sandboxed, and runs none"
_FORBIDDEN = (
    (r"<\s*script\b", "a script", _NO_SCRIPT),
    (r"document\s*\.\s*write", "document.write", _NO_SCRIPT),
    (r"[\s\"'/]on[a-z]{3,}\s*=", "an on… attribute", _NO_SCRIPT),
    (r"(?:javascript|vbscript)\s*:", "a javascript: address", _NO_SCRIPT),
    (r"<\s*(?:iframe|frame|object|embed|portal|applet)\b", "a frame or a plug-in", "HTML of its own only"),
    (r"<\s*(?:form|input|button|select|textarea)\b", "a form", "links only: the policy lets no form be sent"),
    (r"<\s*link\b", "a <link>", "banner.css, which is put into the document"),
    (r"<\s*base\b", "a <base>", "the addresses as the variables give them"),
    (r"<\s*(?:video|audio|source|track)\b", "video or sound", "pictures: the policy lets nothing else load"),
    (r"http-equiv\s*=\s*[\"']?\s*(?:refresh|set-cookie)", "a meta refresh", "no redirection"),
    (r"<\s*style\b", "a <style>", "banner.css: the policy allows the one style sheet of ad.head()"),
    (r"\sstyle\s*=", "a style= attribute", "banner.css: the policy refuses inline styles"),
    (r"(?:https?|wss?|ftp|data|blob)\s*:(?://|[a-z0-9])", "an address of its own", "nothing from anywhere else"),
    (r"(?:src|srcset|href|poster|action)\s*=\s*[\"']?\s*//", "an address of its own", "nothing from anywhere else"),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), what, expected) for pattern, what, expected in _FORBIDDEN)
_COMMENT = re.compile(r"\{#.*?#\}|<!--.*?-->", re.DOTALL)
_STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)
_NAMESPACE = re.compile(r"xmlns(?::[a-z]+)?\s*=\s*[\"'][^\"']*[\"']")


def source_flaws(folder: Path, manifest: Manifest) -> Iterator[Flaw]:
    """In all branches of both templates."""
    for file in ("banner.html", "product.html") if manifest.min_products else ("banner.html",):
        try:
            text = (folder / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # told by another check
        yield from _written(file, _blank(_NAMESPACE, _blank(_COMMENT, text)))
        yield from _unescaped(file, text)


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """Without it, every line where it was."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _written(file: str, text: str) -> Iterator[Flaw]:
    markup = _blank(_STATEMENT, text)  # {% set online = … %} is no attribute
    for pattern, what, expected in _PATTERNS:
        for found in pattern.finditer(markup if what.endswith("attribute") else text):
            yield error(file, what, expected, f"line {text.count(chr(10), 0, found.end()) + 1}")


def _unescaped(file: str, text: str) -> Iterator[Flaw]:
    """What comes from a feed must never be taken for markup."""
    try:
        tree = Environment(autoescape=True, extensions=["jinja2.ext.do"]).parse(text)
    except TemplateSyntaxError:
        return  # told by another check
    for node in tree.find_all(nodes.Filter):
        if node.name == "safe" and not isinstance(node.node, nodes.Const):
            yield error(file, "|safe", "text that is escaped: titles come from feeds", f"line {node.lineno}")
    for scope in tree.find_all(nodes.ScopedEvalContextModifier):
        yield error(file, "an autoescape block", "text that is escaped: titles come from feeds", f"line {scope.lineno}")
