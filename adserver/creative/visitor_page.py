"""The pages for visitors: one look, one policy, and words in every language that they are written in."""

import tomllib
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType

from jinja2 import DictLoader, Environment, StrictUndefined

from adserver.creative.words import Words, shared_words

LANGUAGES = ("en", "de", "fr", "it", "es")
"""Those the pages are written in; the first is for everybody else."""

PageWords = Mapping[str, Words]
"""Section -> key -> words, as a file in ``pages/words`` has them."""

_FOLDER = files(__package__).joinpath("pages")
_PAGES = {
    name: _FOLDER.joinpath(name).read_text("utf-8")
    for name in ("page.html", "why.html", "privacy.html", "opted-out.html")
}
_STYLE = _PAGES["page.html"].partition("<style>")[2].partition("</style>")[0]

PAGE_CSP = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of all of them."""

_environment = Environment(
    loader=DictLoader(_PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def _read(language: str) -> PageWords:
    return MappingProxyType(tomllib.loads(_FOLDER.joinpath("words", f"{language}.toml").read_text("utf-8")))


PAGE_WORDS: Mapping[str, PageWords] = MappingProxyType({language: _read(language) for language in LANGUAGES})
"""By language."""


def render(name: str, language: str, **values: object) -> bytes:
    """One UTF-8 HTML document in one of LANGUAGES."""
    words, shared = PAGE_WORDS[language], shared_words()[language]
    page = _environment.get_template(name).render(language=language, words=words, shared=shared, **values)
    return page.encode("utf-8", "replace")
