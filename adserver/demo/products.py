"""What the demo shop sells: a dozen things for being outdoors."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

SHOP_NAME = "Wander & Co."
CURRENCY = "EUR"
LOCALE = "en_IE"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoProduct:
    """One product of the shop; prices are EUR, with ``sale_price`` the lower one while it is reduced."""

    id: str
    slug: str
    title: str
    kind: str
    price: Decimal
    sale_price: Decimal | None = None
    summary: str
    description: str
    details: tuple[str, ...]

    @property
    def pays(self) -> Decimal:
        """What a customer pays today."""
        return self.price if self.sale_price is None else self.sale_price


PRODUCTS: tuple[DemoProduct, ...] = (
    DemoProduct(
        id="WND-101",
        slug="fjell-rucksack",
        title="Fjell Rucksack 24 L",
        kind="Carry",
        price=Decimal("129.00"),
        summary="A day on the hill, and a roll for the night.",
        description=(
            "Waxed cotton that softens with every season, two leather straps that close with one "
            "hand, and a bedroll strap underneath. It carries a laptop to work on Friday and lunch "
            "to the ridge on Saturday."
        ),
        details=(
            "24 litres, 980 g",
            "Waxed organic cotton, bridle leather",
            "Mended free of charge for ten years",
        ),
    ),
    DemoProduct(
        id="WND-102",
        slug="harbour-enamel-mug",
        title="Harbour Enamel Mug",
        kind="Kitchen",
        price=Decimal("16.50"),
        summary="Survives the fire, the car boot and the dishwasher.",
        description=(
            "Heavy-gauge steel under two coats of enamel, rimmed in navy. The hills are the ones "
            "you see from the pier; the chips it will collect are your own."
        ),
        details=("350 ml", "Enamelled steel", "For open fire, gas and induction"),
    ),
    DemoProduct(
        id="WND-103",
        slug="ridgeline-boots",
        title="Ridgeline Hiking Boots",
        kind="Wear",
        price=Decimal("189.00"),
        summary="Broken in by the second hill, resoled after the second decade.",
        description=(
            "Full-grain leather on a stitched welt, so that a cobbler can replace the sole instead "
            "of you replacing the boots. Padded collar, red laces, no squeak."
        ),
        details=("Full-grain leather, wool felt collar", "Stitched, resoleable", "Sizes 36 to 48"),
    ),
    DemoProduct(
        id="WND-104",
        slug="storm-lantern-no-4",
        title="Storm Lantern No. 4",
        kind="Camp",
        price=Decimal("54.00"),
        summary="Twenty hours of quiet yellow light.",
        description=(
            "A hurricane lantern in rust-red enamel with a brass burner and a globe you can lift to "
            "light. It does not blink, beep or need an update."
        ),
        details=(
            "Burns 20 hours on one filling",
            "Heat-proof glass globe",
            "34 cm tall with its handle down",
        ),
    ),
    DemoProduct(
        id="WND-105",
        slug="highland-wool-blanket",
        title="Highland Wool Blanket",
        kind="Camp",
        price=Decimal("98.00"),
        summary="Warm when dry, warm when damp, handsome throughout.",
        description=(
            "Woven from undyed lambswool with five stripes and a hand-knotted fringe. Big enough "
            "for two on a bench, or for one who does not like to share."
        ),
        details=("140 x 190 cm", "100 % new lambswool", "Air it; it hardly needs washing"),
    ),
    DemoProduct(
        id="WND-106",
        slug="daybreak-flask",
        title="Daybreak Flask 0.75 L",
        kind="Kitchen",
        price=Decimal("39.90"),
        summary="Still hot when the others are asking whose idea this was.",
        description=(
            "A double-walled steel flask with a cup for a lid and a cord, so that the stopper stays "
            "out of the heather. Coffee at six is coffee at six."
        ),
        details=("Hot for 18 hours, cold for 30", "Stainless steel, no plastic inside", "Cup included"),
    ),
    DemoProduct(
        id="WND-107",
        slug="skylark-tent",
        title="Skylark Tent for Two",
        kind="Camp",
        price=Decimal("349.00"),
        sale_price=Decimal("279.00"),
        summary="Two poles, eight pegs, up before the rain.",
        description=(
            "A ridge tent the way they used to be, in cloth the way it is now. Two people, two "
            "rucksacks and one wet dog fit under it; standing room is outside."
        ),
        details=("2.6 kg in its bag", "3,000 mm water column", "Spare pegs and a small flag included"),
    ),
    DemoProduct(
        id="WND-108",
        slug="oak-pocket-knife",
        title="Oak Pocket Knife",
        kind="Carry",
        price=Decimal("62.00"),
        summary="Apples, twine, kindling, cheese.",
        description=(
            "A carbon-steel blade in a handle of smoked oak, held open by a brass collar. Light "
            "enough to be forgotten in a pocket and good enough to be missed."
        ),
        details=(
            "Blade 7.5 cm, carbon steel",
            "Smoked oak, brass collar",
            "Sharpened free of charge, always",
        ),
    ),
    DemoProduct(
        id="WND-109",
        slug="waxed-map-case",
        title="Waxed Map Case",
        kind="Carry",
        price=Decimal("45.00"),
        summary="For the map that has no battery.",
        description=(
            "Holds a folded map flat and dry behind a clear window and hangs at the hip or around "
            "the neck. Comes with a liquid compass on a cord."
        ),
        details=("Fits maps of 24 x 30 cm", "Waxed cotton, leather flap", "Compass included"),
    ),
    DemoProduct(
        id="WND-110",
        slug="dune-sunglasses",
        title="Dune Sunglasses",
        kind="Wear",
        price=Decimal("89.00"),
        summary="Low sun, wide water.",
        description=(
            "Tortoiseshell frames cut from plant-based acetate, with amber lenses that take the "
            "glare out of wet sand and leave the colours in."
        ),
        details=("UV 400, category 3", "Plant-based acetate", "Cork case included"),
    ),
    DemoProduct(
        id="WND-111",
        slug="five-panel-cap",
        title="Five-Panel Cap",
        kind="Wear",
        price=Decimal("34.00"),
        summary="Keeps the sun out and the weather guessing.",
        description=(
            "Brushed cotton in navy and mustard with a rust brim that folds flat into a coat pocket "
            "and springs back when it is asked to."
        ),
        details=("Organic cotton twill", "One size, adjustable", "Folds flat"),
    ),
    DemoProduct(
        id="WND-112",
        slug="ember-stove-set",
        title="Ember Stove Set",
        kind="Kitchen",
        price=Decimal("74.50"),
        summary="Tea for two in four minutes.",
        description=(
            "A small brass burner that folds into its own pot, with a lid that strains and a handle "
            "that stays cool. It boils a litre in the time it takes to find the teabags."
        ),
        details=(
            "Burner 110 g, pot 0.9 litres",
            "Fits every screw-valve cartridge",
            "Cartridge not included",
        ),
    ),
)

KINDS: tuple[str, ...] = ("Carry", "Camp", "Kitchen", "Wear")
BY_SLUG: Mapping[str, DemoProduct] = {product.slug: product for product in PRODUCTS}
BY_ID: Mapping[str, DemoProduct] = {product.id: product for product in PRODUCTS}
