"""Every kind of problem that a row can have, apart from those of a price (see ``price``) and of the file itself."""

from adserver.catalog.link import LINK_CHARACTERS
from adserver.catalog.problem import ProblemKind
from adserver.catalog.text import TITLE_CHARACTERS
from adserver.model.product import PRODUCT_ID_MAX_BYTES

_ID = f"1 to {PRODUCT_ID_MAX_BYTES} bytes of text without control characters"
_ADDRESS = f"an absolute http or https address of at most {LINK_CHARACTERS:,} characters"
_WHOLE_ADDRESS = 'Write the whole address, as a browser shows it: "https://www.shop.example/boots".'
_PRICE = 'Write the price as "129.00 EUR": digits, a period, the cents, a space and the currency code.'

PLACEHOLDER = ProblemKind(
    "placeholder_unfilled",
    "a value, and not the template that stands for one",
    "Look at the template of your export: it names a field that your shop does not have or does not fill.",
)

FIELD_REPEATED = ProblemKind(
    "field_repeated",
    "one value; of several the first is used",
    "Leave in one only: that of the country you advertise in.",
)

ID_MISSING = ProblemKind("id_missing", _ID, "Give each product the id that your pages send with their events.")
ID_UNUSABLE = ProblemKind("id_unusable", _ID, "Shorten the id, or take the control characters out of it.")
ID_REPEATED = ProblemKind(
    "id_repeated",
    "an id that no row before has; the last one of them is used",
    "Give each product, and each variant of it, an id of its own.",
)
TITLE_MISSING = ProblemKind("title_missing", "a title", "Give the product the name that your shop shows.")
TITLE_CUT = ProblemKind(
    "title_cut",
    f"a title of at most {TITLE_CHARACTERS} characters",
    "Nothing needs to be done; the end of the title is not shown.",
)
LINK_MISSING = ProblemKind("link_missing", _ADDRESS, "Give the address of the product's page in your shop.")
LINK_UNUSABLE = ProblemKind("link_unusable", _ADDRESS, _WHOLE_ADDRESS)
LINK_NOT_PUBLIC = ProblemKind(
    "link_not_public",
    "an address that visitors can reach; this and later ones are kept",
    "Export the feed from the shop itself, and not from a test installation.",
)

PRICE_MISSING = ProblemKind("price_missing", "a price", _PRICE)
PRICE_ZERO = ProblemKind("price_zero", "a price above zero", "Give what a visitor pays, or take the product out.")
CURRENCY_MISSING = ProblemKind(
    "currency_missing",
    "a currency code with the price; without one the advertiser's currency is meant, here and in later rows",
    'Nothing needs to be done where that is the right one; else write the price as in "129.00 EUR".',
)
CURRENCY_OTHER = ProblemKind(
    "currency_other",
    "prices in the advertiser's currency; this and later ones are kept in their own",
    "Export the feed for the country you advertise in, or set the advertiser's currency to that of the feed.",
)
CURRENCY_UNKNOWN = ProblemKind(
    "currency_unknown", 'a currency code of ISO 4217, such as "EUR"', "Put the three letters of the code there."
)
SALE_CURRENCY_OTHER = ProblemKind(
    "sale_currency_other", "the currency of the price", "Write price and sale_price in one currency."
)
SALE_IS_PRICE = ProblemKind(
    "sale_is_price",
    "a sale price below the price; the same one is no sale",
    "Nothing needs to be done; where there is a sale, give the usual price as the price.",
)
SALE_NOT_LOWER = ProblemKind(
    "sale_not_lower",
    "a sale price below the price",
    "Look whether the two are swapped: price is the usual one, sale_price what a visitor pays in the sale.",
)
SALE_DATES_UNREADABLE = ProblemKind(
    "sale_dates_unreadable",
    "a date with time, a slash and another one (ISO 8601); until then the sale is not shown",
    'Write when the sale begins and ends as "2026-01-01T00:00+0100/2026-02-01T00:00+0100".',
)
SALE_DATES_REVERSED = ProblemKind(
    "sale_dates_reversed",
    "an end of the sale after its beginning; until then the sale is not shown",
    "Swap the two dates, or correct the year.",
)
SALE_DATES_IN_UTC = ProblemKind(
    "sale_dates_in_utc",
    "an offset with each time; without one UTC is meant, here and in later rows",
    'Write the offset of your time zone behind the time: "2026-01-01T00:00+0100".',
)

IMAGE_MISSING = ProblemKind(
    "image_missing", _ADDRESS, "Give the address of a picture; without one the banner shows a plain tile."
)
IMAGE_UNUSABLE = ProblemKind("image_unusable", _ADDRESS, _WHOLE_ADDRESS)
IMAGE_IS_SVG = ProblemKind(
    "image_is_svg", "a JPEG, PNG, WebP or GIF", "Give the address of the same picture in one of these formats."
)

AVAILABILITY_UNKNOWN = ProblemKind(
    "availability_unknown",
    "in_stock, out_of_stock, preorder or backorder; until then it is taken for out_of_stock",
    'Write "in_stock" for what can be bought now.',
)
CONDITION_UNKNOWN = ProblemKind(
    "condition_unknown", "new, refurbished or used", 'Write "new", "refurbished" or "used".'
)
GROUP_UNUSABLE = ProblemKind(
    "item_group_id_unusable", _ID, "Shorten the id of the group, or take the control characters out of it."
)
