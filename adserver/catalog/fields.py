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
    "product_sku variant_sku sku artikelnummer artikelnr artikel_nr aw_product_id",
    "title": "product_name productname product_title item_title name titel produktname artikelname produktbezeichnung "
    "artikelbezeichnung titre nom_du_produit título titulo nombre titolo nome nazwa název "
    "product",
    "link": "product_url producturl product_link productlink item_url itemurl merchant_deep_link page_url url uri "
    "permalink produkturl produkt_url produktlink deeplink deep_link aw_deep_link landing_page_url lien enlace",
    "price": "regular_price price_with_vat price_vat search_price variant_price list_price listprice priceinfo.price "
    "price_incl_vat price_incl._vat price_inc_vat price_gross gross_price selling_price current_price preis "
    "bruttopreis preis_brutto prix prix_ttc precio prezzo cena cena_brutto",
    "image_link": "imagelink image_url imageurl image_src imagesrc img_url imgurl image[0].url main_image bigimage "
    "big_image merchant_image_url picture_url picture product_image image img images image_urls imageurls images.uri "
    "smallimage small_image variant_image product_image_url product_image_link product_image_url_1 image_link_1 "
    "image_url_1 image_1 image1 main_image_url main_image_link base_image photo_url bildlink bild_url bildurl "
    "bildurl_1 bild_url_1 bild_1 bild produktbild lien_image enlace_imagen "
    "link_immagine immagine imagen aw_image_url thumbnail_url",
    "additional_image_link": "additional_image_links additionalimagelink additionalimagelinks additional_image_url "
    "additional_image_urls additional_images additionalimage additional_image additional_image_link_1 "
    "additional_image_link_2 additional_image_link_3 image[1].url image[2].url image[3].url image_link_2 image_link_3 "
    "image_url_2 image_url_3 product_image_url_2 product_image_url_3 image_2 image_3 image2 image3 bildurl_2 bildurl_3 "
    "bild_url_2 bild_2 imgurl_alternative alternate_image",
    "description": "product_description body_(html) body_html long_description short_description summary content "
    "beschreibung descripción descrizione",
    "availability": "stock_status stockstatus availability_status is_in_stock in_stock instock in_stock? available "
    "is_available stock stock_quantity stock_level current_stock_level inventory inventory_quantity available_quantity "
    "qty recommendable verfügbarkeit verfuegbarkeit lagerbestand bestand disponibilité disponibilidad disponibilità",
    "sale_price": "saleprice special_price specialprice discount_price discounted_price promo_price "
    "sonderpreis aktionspreis angebotspreis prix_soldé prix_promo precio_de_oferta precio_rebajado prezzo_scontato",
    "sale_price_effective_date": "salepriceeffectivedate sale_price_effective_dates sale_price_dates",
    "former_price": "variant_compare_at_price compare_at_price old_price oldprice was_price retailprice retail_price "
    "original_price originalprice product_price_old price_old priceinfo.originalprice altpreis alter_preis "
    "streichpreis prix_barré prix_barre",
    "currency": "currency_code currencycode currencyid currency_id currency_iso currency_iso_code price_currency "
    "priceinfo.currencycode währung waehrung devise moneda valuta",
    "sale_start": "sale_price_start_date sale_price_start sale_start_date special_price_from special_from_date "
    "special_price_from_date date_sale_price_starts priceinfo.priceeffectivetime",
    "sale_end": "sale_price_end_date sale_price_end sale_end_date special_price_to special_to_date "
    "special_price_to_date date_sale_price_ends priceinfo.priceexpiretime",
    "brand": "brand_name brandname brands manufacturer manufacturer_name vendor hersteller marke marque fabricant "
    "marca fabricante produttore producent",
    "item_group_id": "itemgroupid itemgroup_id item_group group_id retailer_product_group_id parent_sku parent_id "
    "primaryproductid",
    "product_type": "producttype product_types producttypes product_category_path category_path categorypath "
    "categorytext merchant_category category_name category categories kategorie kategorien produktkategorie "
    "warengruppe catégorie categorie categoría categoria",
    "google_product_category": "googleproductcategory google_category google_shopping_/_google_product_category "
    "product_category",
    "condition": "google_shopping_/_condition product_condition zustand état condición condizione",
    "color": "colour colors colorinfo.colors colorinfo.colorfamilies farbe couleur colore",
    "size": "sizes größe groesse taille talla taglia",
} | {label: label.replace("_", "") + f" google_shopping_/_{label}" for label in LABELS}

WITH_TAX = frozenset(
    {"price_with_vat", "price_vat", "price_incl_vat", "price_incl._vat", "price_inc_vat", "price_gross", "gross_price"}
    | {"bruttopreis", "preis_brutto", "prix_ttc", "cena_brutto"}
)
"""Names of the price with its taxes. Beside one of them a plain ``price`` is without, which no visitor pays."""

ALIASES: Mapping[str, str] = dict(
    chain(
        ((field, field) for field in FIELDS),
        ((name, field) for field, names in _KNOWN_AS.items() for name in names.split()),
    )
)
"""Header or element name to field. Names are as a header has them, in lower case, without ``g:``, blanks and dashes as
``_``; one inside of an object has the path to it, with periods (``priceInfo.price`` is ``priceinfo.price``).

Only names whose meaning is certain are here. Where a feed has several for one field, the one that comes first here is
meant; a field's own name comes before all others but those ``WITH_TAX``.
"""
