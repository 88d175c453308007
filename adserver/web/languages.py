"""The language that a browser asks for, among those that something is written in (RFC 9110 section 12.5.4)."""

from collections.abc import Sequence

from adserver.web.responses import Headers


def preferred(accept_language: str, offered: Sequence[str]) -> str:
    """The one of ``offered`` (lower-case, without region) that the header likes best; the first for all others."""
    best, best_quality = offered[0], 0.0
    for part in accept_language.lower().split(",")[:32]:
        name, _, weight = part.partition(";")
        language = name.strip().partition("-")[0]
        quality = _quality(weight)
        if language in offered and quality > best_quality:
            best, best_quality = language, quality
    return best


def written_in(language: str) -> Headers:
    """Headers of an answer in a language that was chosen like this."""
    return [(b"content-language", language.encode()), (b"vary", b"Accept-Language")]


def _quality(weight: str) -> float:
    """``q=0.8`` -> 0.8; 1 where there is none, 0 for what is no weight."""
    weight = weight.strip()
    if not weight:
        return 1.0
    name, _, text = weight.partition("=")
    try:
        quality = float(text) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
