"""The fields of a product that are read, and the names under which the trade knows them.

The names of Google Merchant are ours. Four more have no such name there and are known by a name of our own:

* ``former_price``: what stands struck through where ``price`` is what a visitor pays;
* ``currency``: the code of all prices of the row, where they have none themselves;
* ``sale_start`` and ``sale_end``: the two ends of ``sale_price_effective_date``.
"""

from collections.abc import Mapping
from itertools import chain

REQUIRED = ("id", "title", "link", "price")
"""Without these there is no product."""

LABELS = ("custom_label_0", "custom_label_1", "custom_label_2", "custom_label_3", "custom_label_4")

FIELDS = (
    *REQUIRED,
    "image_link",
    "additional_image_link",
    "description",
    "availability",
    "sale_price",
    "sale_price_effective_date",
    "former_price",
    "currency",
    "sale_start",
    "sale_end",
    "brand",
    "item_group_id",
    "product_type",
    "google_product_category",
    "condition",
    "color",
    "size",
    *LABELS,
)
"""Every field that is read; all others are passed over."""

_KNOWN_AS = {
    "id": "product_id productid item_id itemid offer_id offerid retailer_id merchant_product_id unique_id uniqueid "
    "product_sku variant_sku sku artikelnummer",
    "title": "product_name productname product_title item_title name titel titre título titolo",
    "link": "product_url producturl product_link productlink item_url itemurl merchant_deep_link page_url url uri "
    "permalink lien enlace",
    "price": "regular_price price_with_vat price_vat search_price variant_price list_price listprice priceinfo.price "
    "preis prix precio prezzo",
    "image_link": "imagelink image_url imageurl image_src imagesrc img_url imgurl image[0].url main_image bigimage "
    "big_image merchant_image_url picture_url picture product_image image img images image_urls imageurls images.uri "
    "smallimage small_image variant_image bildlink bild_url",
    "additional_image_link": "additional_image_links additionalimagelink additionalimagelinks additional_image_url "
    "additional_image_urls additional_images additionalimage additional_image image[1].url imgurl_alternative "
    "alternate_image",
    "description": "product_description body_(html) body_html long_description short_description summary content "
    "beschreibung descripción descrizione",
    "availability": "stock_status stockstatus availability_status is_in_stock in_stock instock in_stock? available "
    "is_available stock stock_quantity inventory recommendable verfügbarkeit disponibilité disponibilidad "
    "disponibilità",
    "sale_price": "saleprice special_price specialprice discount_price discounted_price promo_price",
    "sale_price_effective_date": "salepriceeffectivedate sale_price_effective_dates sale_price_dates",
    "former_price": "variant_compare_at_price compare_at_price old_price oldprice was_price retailprice retail_price "
    "original_price originalprice product_price_old price_old priceinfo.originalprice",
    "currency": "currency_code currencycode currencyid currency_id price_currency priceinfo.currencycode währung",
    "sale_start": "sale_price_start_date sale_price_start sale_start_date special_price_from special_from_date "
    "special_price_from_date date_sale_price_starts priceinfo.priceeffectivetime",
    "sale_end": "sale_price_end_date sale_price_end sale_end_date special_price_to special_to_date "
    "special_price_to_date date_sale_price_ends priceinfo.priceexpiretime",
    "brand": "brand_name brandname brands manufacturer manufacturer_name vendor marke marque marca",
    "item_group_id": "itemgroupid itemgroup_id item_group group_id retailer_product_group_id parent_sku parent_id "
    "primaryproductid",
    "product_type": "producttype product_types producttypes product_category_path category_path categorypath "
    "categorytext merchant_category category_name category categories kategorie catégorie categoría categoria",
    "google_product_category": "googleproductcategory google_category google_shopping_/_google_product_category "
    "product_category",
    "condition": "google_shopping_/_condition product_condition zustand état condición condizione",
    "color": "colour colors colorinfo.colors colorinfo.colorfamilies farbe couleur colore",
    "size": "sizes größe groesse taille talla taglia",
} | {label: label.replace("_", "") + f" google_shopping_/_{label}" for label in LABELS}

ALIASES: Mapping[str, str] = dict(
    chain(
        ((field, field) for field in FIELDS),
        ((name, field) for field, names in _KNOWN_AS.items() for name in names.split()),
    )
)
"""Header or element name to field. Names are as a header has them, in lower case, without ``g:``, blanks and dashes as
``_``; one inside of an object has the path to it, with periods (``priceInfo.price`` is ``priceinfo.price``).

Only names whose meaning is certain are here. Where a feed has several for one field, the one that comes first here is
meant; a field's own name comes before all others.
"""
