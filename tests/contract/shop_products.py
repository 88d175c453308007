"""Products as a shop has them, made by lot: titles of about 50 characters, links of 70, pictures of 100, descriptions
of 90, brand, category, price, colour, size, and a history of one to three prices. A third are alone, the others come in
groups of 3 to 6 sizes. The words are no language's, so they compress no better than real ones."""

import random
from collections.abc import Iterator

from adserver.model.product import MICROS, Product

_SIZES = ("XS", "S", "M", "L", "XL", "38", "39", "40", "41", "42", "43")
_SEEN = 1_790_000_000


class Shop:
    """``seed`` makes another shop."""

    def __init__(self, seed: int = 5) -> None:
        self._dice = random.Random(seed)
        self._words = [self._word() for _ in range(20_000)]
        self._brands = [self._words[n].title() for n in range(400)]
        self._categories = [" > ".join(self._dice.sample(self._words, 4)).title() for _ in range(1_200)]
        self._colors = [self._words[n].title() for n in range(400, 460)]

    def products(self, count: int) -> Iterator[Product]:
        """So many, one after the other."""
        made = 0
        while made < count:
            for product in self._group(made, self._dice.choice((1, 1, 1, 3, 4, 6))):
                if made < count:
                    yield product
                    made += 1

    def _group(self, made: int, sizes: int) -> Iterator[Product]:
        title, description = self._text(35, 60).title(), self._text(70, 110)
        name = title.lower().replace(" ", "-")[:30]
        brand, category = self._dice.choice(self._brands), self._dice.choice(self._categories)
        price = self._dice.randrange(5_00, 500_00) * MICROS // 100
        group, color = f"G{self._dice.randrange(10**7):07d}", self._dice.choice(self._colors)
        for number in range(sizes):
            product_id = str(100_000_000 + (made + number) * 37)
            picture = f"{self._dice.getrandbits(128):032x}"
            folder = f"{picture[0]}/{picture[1]}"
            yield Product(
                id=product_id,
                title=title,
                link=f"https://www.shop.example/{name}-{product_id}.html",
                image_link=f"https://cdn.shop.example/media/catalog/product/{folder}/{picture}_{product_id}.jpg",
                price=price,
                currency="EUR",
                sale_price=price * 4 // 5 if self._dice.random() < 0.3 else None,
                brand=brand,
                item_group_id=group if sizes > 1 else "",
                category=category,
                condition="new",
                color=color,
                size=self._dice.choice(_SIZES),
                description=description,
                history=tuple(self._history(price)),
            )

    def _history(self, price: int) -> Iterator[tuple[int, int]]:
        since = _SEEN - self._dice.randrange(40 * 86_400)
        for _ in range(self._dice.randint(1, 3)):
            yield since, price + self._dice.randrange(-1_00, 1_00) * MICROS // 100
            since += self._dice.randrange(10 * 86_400)

    def _text(self, shortest: int, longest: int) -> str:
        length, text = self._dice.randint(shortest, longest), ""
        while len(text) < length:
            text += self._dice.choice(self._words) + " "
        return text[:length].strip()

    def _word(self) -> str:
        syllables = (
            self._dice.choice("bcdfghklmnprstvw") + self._dice.choice("aeiou") for _ in range(self._dice.randint(1, 3))
        )
        return "".join(syllables) + self._dice.choice(("", "n", "r", "s", "t", "l"))
