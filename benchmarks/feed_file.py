"""Product feeds of any size, as a shop would write them: the same bytes for the same number."""

import random
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

FIELDS = (
    "id", "item_group_id", "title", "description", "link", "image_link", "additional_image_link", "availability",
    "price", "sale_price", "brand", "product_type", "google_product_category", "condition", "color", "size", "gtin",
    "custom_label_0",
)  # fmt: skip

_KINDS = ("Lederstiefel", "Laufschuh", "Sneaker", "Sandale", "Regenjacke", "Wollpullover", "Rucksack", "Trinkflasche")
_COLORS = ("schwarz", "weiß", "dunkelbraun", "petrol", "grau meliert", "rot")
_BRANDS = ("Nordwand", "Elbtal", "Hafenkante", "Müller & Söhne", "Fjordlicht")
_WORDS = """
robust leicht wasserdicht atmungsaktiv handgenäht bequem langlebig gefüttert rutschfest nachhaltig Obermaterial
Sohle Leder Wolle Baumwolle Futter Absatz Schaft Reißverschluss Innentasche für jeden Tag und lange Wege in der
Stadt oder am Berg
""".split()  # noqa: SIM905  read as a text


def write_tsv(path: Path, products: int) -> None:
    """As Google's template has it: tabs, no quotes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("\t".join(FIELDS) + "\n")
        for row in _rows(products):
            file.write("\t".join(row) + "\n")


def write_rss(path: Path, products: int) -> None:
    """RSS 2.0 with Google's namespace."""
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        file.write('<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>\n')
        for row in _rows(products):
            filled = ((name, value) for name, value in zip(FIELDS, row, strict=True) if value)
            cells = "".join(f"<g:{name}>{escape(value)}</g:{name}>\n" for name, value in filled)
            file.write(f"<item>\n{cells}</item>\n")
        file.write("</channel></rss>\n")


def _rows(products: int) -> Iterator[tuple[str, ...]]:
    """Four sizes of each colour of each article, a third of them on sale."""
    dice = random.Random(4)
    for number in range(products):
        article = number // 4
        kind, color, brand = dice.choice(_KINDS), _COLORS[article % 6], _BRANDS[article % 5]
        price = dice.randrange(1_500, 30_000)
        slug = f"{kind.lower()}-{color.replace(' ', '-').replace('ß', 'ss')}-{article}"
        yield (
            f"SKU-{number:07d}",
            f"G-{article:06d}",
            f"{brand} {kind} {color}, Modell {article % 997}",
            " ".join(dice.choices(_WORDS, k=22)).capitalize() + ".",
            f"https://www.shop.example/de/{kind.lower()}/{slug}?variant={number}",
            f"https://cdn.shop.example/media/{dice.randrange(1 << 40):010x}/{slug}.jpg",
            f"https://cdn.shop.example/media/{dice.randrange(1 << 40):010x}/{slug}-2.jpg",
            "in stock" if dice.random() < 0.9 else "out of stock",
            f"{price // 100}.{price % 100:02d} EUR",
            f"{price * 8 // 1_000}.{price * 8 // 10 % 100:02d} EUR" if number % 3 == 0 else "",
            brand,
            f"Mode > {kind}",
            str(160 + article % 40),
            "new",
            color,
            str(36 + number % 4),
            f"{4_000_000_000_000 + number}",
            "neu" if dice.random() < 0.1 else "",
        )
