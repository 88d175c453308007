"""Availability and condition in the words of many shops."""

import pytest

from adserver.catalog.vocabulary import read_availability, read_condition
from adserver.model.product import Availability

IN, OUT, PRE, BACK = Availability.IN_STOCK, Availability.OUT_OF_STOCK, Availability.PREORDER, Availability.BACKORDER


@pytest.mark.parametrize(
    ("text", "availability"),
    [
        ("", IN),
        ("in stock", IN),
        (" In_Stock ", IN),
        ("InStock", IN),
        ("IN_STOCK", IN),
        ("available", IN),
        ("limited availability", IN),
        ("https://schema.org/InStock", IN),
        ("http://schema.org/LimitedAvailability", IN),
        ("schema:InStock", IN),
        ("1", IN),
        ("42.00", IN),
        (">10", IN),
        ("100+", IN),
        ("true", IN),
        ("Y", IN),
        ("Auf Lager", IN),
        ("Sofort lieferbar", IN),
        ("verfügbar", IN),
        ("en stock", IN),
        ("Disponible", IN),
        ("disponibile", IN),
        ("op voorraad", IN),
        ("dostępny", IN),
        ("в наличии", IN),
        ("Διαθέσιμο", IN),
        ("有货", IN),
        ("在庫あり", IN),
        ("out of stock", OUT),
        ("OutOfStock", OUT),
        ("https://schema.org/SoldOut", OUT),
        ("not in stock", OUT),
        ("0", OUT),
        ("-3", OUT),
        ("0,00", OUT),
        ("False", OUT),
        ("Nicht auf Lager", OUT),
        ("ausverkauft", OUT),
        ("Épuisé", OUT),
        ("EPUISE", OUT),
        ("agotado", OUT),
        ("esaurito", OUT),
        ("нет в наличии", OUT),
        ("preorder", PRE),
        ("pre-order", PRE),
        ("Vorbestellung", PRE),
        ("Backorder", BACK),
        ("available for order", BACK),
        ("on backorder", BACK),
        ("sur commande", BACK),
        ("perhaps", None),
        ("1.5", None),
        ("in 3 weeks", None),
        ("#availability#", None),
        ("...", None),
        ("1" * 5_000, None),
    ],
)
def test_availability(text: str, availability: Availability | None) -> None:
    assert read_availability(text) is availability


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("", ""),
        ("New", "new"),
        ("https://schema.org/NewCondition", "new"),
        ("neu", "new"),
        ("gebraucht", "used"),
        ("used_like_new", "used"),
        ("Second-hand", "used"),
        ("refurbished", "refurbished"),
        ("generalüberholt", "refurbished"),
        ("Reconditionné", "refurbished"),
        ("sixty", None),
    ],
)
def test_condition(text: str, condition: str | None) -> None:
    assert read_condition(text) == condition
