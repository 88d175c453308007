"""A creative in which nothing is wrong, small enough to be checked often, and ways to spoil it."""

from pathlib import Path

FILES = {
    "creative.toml": """
name = "good"
about = "One product."
sizes = ["300x250"]
[products]
min = 1
max = { "300x250" = 1 }
[pictures]
"300x250" = ["200x120"]
[options.tone]
type = "choice"
choices = ["light", "dark"]
default = "light"
help = "The ground."
[labels]
en = { hello = "Hello" }
""",
    "banner.html": """{% import "macros.html" as ad with context %}
<!doctype html>
<html lang="{{ lang }}" dir="{{ dir }}">
<head>
{{ ad.head() }}
</head>
<body class="s{{ size }} n{{ count }} {{ options.tone }}">
<header><p class="brand">{{ advertiser_name }}</p>{{ ad.corner() }}</header>
<main>
{{ products }}
</main>
{{ ad.offer() }}
{{ ad.seen() }}
</body>
</html>
""",
    "product.html": """{% import "macros.html" as ad with context %}
<a class="tile" href="{{ click_url }}" target="_blank" rel="noopener">
{{ ad.picture(tile) }}
<span class="title">{{ tile.title }}</span>
{{ ad.prices(tile) }}
<span class="action">{{ words.action }}</span>
</a>
""",
    "banner.css": """body { display: grid }
.tile { display: grid }
.title { color: var(--ink) }
""",
}


def creative_folder(parent: Path, file: str = "", old: str = "", new: str = "") -> Path:
    """``parent/good``, with ``old`` replaced by ``new`` in one of its files; ``new`` stands at the end where ``old`` is
    empty."""
    folder = parent / "good"
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        if name == file:
            assert old in text
            text = text.replace(old, new) if old else text + new  # noqa: PLW2901
        (folder / name).write_text(text, encoding="utf-8")
    return folder
