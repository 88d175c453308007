"""The words of ``availability`` and ``condition``, as feeds write them in many languages.

Only whole phrases are known: what is not here is a problem, never a guess.
"""

import re
import unicodedata

from adserver.model.product import Availability

_AVAILABILITY = {
    Availability.IN_STOCK: """
        in stock, available, available now, limited availability, limited stock, low stock, online only, in store and
        online, immediately available, ready to ship, yes, y, true, t,
        auf lager, lagernd, lieferbar, sofort lieferbar, verfügbar, sofort verfügbar, vorrätig, begrenzt verfügbar, ja,
        en stock, disponible, disponible immédiatement, oui,
        disponibile, disponibilità immediata, in magazzino, sí,
        en existencia, en existencias, hay existencias,
        em estoque, em stock, disponível, sim,
        op voorraad, leverbaar, beschikbaar, dostępny, dostępne, dostępna, w magazynie, na stanie, tak,
        i lager, finns i lager, på lager, tilgængelig, tilgjengelig, varastossa,
        skladem, na skladě, dostupné, ano, raktáron, készleten, elérhető, igen, stokta, stokta var, mevcut,
        în stoc, disponibil, na zalihi, dostupno, na zalogi,
        в наличии, есть в наличии, есть, да, в наявності, є в наявності, налично, в наличност,
        διαθέσιμο, άμεσα διαθέσιμο, σε απόθεμα, ναι, άμεση παραλαβή,
        άμεση παραλαβή / παράδοση 1 έως 3 ημέρες, παράδοση 1 έως 3 ημέρες, παράδοση 4 έως 10 ημέρες,
        παράδοση σε 1 - 3 ημέρες, παράδοση σε 4 - 10 ημέρες, available from 1 to 3 days, available from 4 to 10 days,
        有货, 有貨, 现货, 現貨, 在庫あり, 재고 있음, متوفر, متاح, במלאי""",
    Availability.OUT_OF_STOCK: """
        out of stock, not in stock, no stock, sold out, unavailable, not available, currently unavailable,
        temporarily out of stock, temporarily unavailable, discontinued, reserved, oos, no, n, false, f,
        nicht auf lager, nicht lagernd, nicht verfügbar, derzeit nicht verfügbar, zurzeit nicht verfügbar,
        momentan nicht verfügbar, nicht lieferbar, derzeit nicht lieferbar, nicht vorrätig, ausverkauft, vergriffen,
        nein, rupture, rupture de stock, en rupture, en rupture de stock, hors stock, épuisé, indisponible, non,
        esaurito, non disponible, non disponibile, terminato, agotado, sin existencias, sin stock, no disponible,
        fuera de stock, esgotado, sem estoque, sem stock, fora de estoque, indisponível, não,
        niet op voorraad, uitverkocht, niet leverbaar, niet beschikbaar, nee,
        niedostępny, niedostępne, niedostępna, brak, brak w magazynie, wyprzedany, wyprzedane, nie,
        slut i lager, ej i lager, slutsåld, ikke på lager, udsolgt, utsolgt, loppu, ei varastossa, nej, nei,
        není skladem, vyprodáno, nedostupné, nie je skladom, nincs raktáron, elfogyott, nem elérhető, stokta yok,
        tükendi, stoc epuizat, indisponibil, nu este în stoc, nije dostupno, rasprodano, ni na zalogi,
        нет в наличии, нет, отсутствует, распродано, немає в наявності, немає, изчерпан, няма в наличност,
        μη διαθέσιμο, εξαντλημένο, όχι, 缺货, 缺貨, 无货, 無貨, 售罄, 在庫なし, 在庫切れ, 売り切れ, 품절, غير متوفر,
        غير متاح, אזל מהמלאי""",
    Availability.PREORDER: """
        preorder, pre sale, available for preorder, vorbestellung, vorbestellbar, précommande, en précommande,
        preordine, in preordine, preventa, pré venda, em pré venda, przedsprzedaż, förhandsbokning,
        forudbestilling, forhåndsbestilling, předobjednávka, előrendelés, предзаказ, προπαραγγελία, 预售, 預購, 予約""",
    Availability.BACKORDER: """
        backorder, backordered, on backorder, available for order, available on order, made to order, special order,
        nachbestellt, auf bestellung, auf anfrage, im zulauf, sur commande, en réapprovisionnement, su ordinazione,
        ordinabile, bajo pedido, por encargo, sob encomenda, por encomenda, nabestelling, op bestelling, na zamówienie,
        beställningsvara, bestillingsvare, na objednávku, rendelésre, под заказ, під замовлення, κατόπιν παραγγελίας""",
}

_CONDITION = {
    "new": """
        new, new condition, brand new, neu, neuware, neuf, neuve, nuovo, nuova, nuevo, nueva, novo, nova, nieuw, nowy,
        nowe, nowa, ny, nytt, uusi, nový, nové, új, yeni, nou, новый, новое, новий, нов, καινούργιο, καινούριο, νέο,
        全新, 新品, 새 상품, جديد, חדש""",
    "used": """
        used, used condition, used like new, used good, used fair, used acceptable, like new, pre owned, second hand,
        damaged, damaged condition, gebraucht, occasion, d occasion, usagé, usato, usata, usado, usada, segunda mano,
        gebruikt, tweedehands, używany, używane, begagnad, brugt, brukt, käytetty, použité, použitý, használt,
        ikinci el, folosit, б у, бывший в употреблении, вживаний, μεταχειρισμένο, 二手, 中古, 중고, مستعمل, משומש""",
    "refurbished": """
        refurbished, refurbished condition, refurb, certified refurbished, manufacturer refurbished, seller refurbished,
        reconditioned, renewed, generalüberholt, überholt, wiederaufbereitet, reconditionné, remis à neuf,
        ricondizionato, rigenerato, reacondicionado, recondicionado, gereviseerd, odnowiony, odnowione, renoverad,
        renoveret, repasovaný, repasované, felújított, yenilenmiş, recondiționat, восстановленный, ανακατασκευασμένο,
        翻新, 整備済み品, 리퍼""",
}

_SCHEMA = re.compile(r"(?:https?://)?(?:www\.)?schema\.org/|schema:", re.IGNORECASE)
_COUNT = re.compile(r"[>≥]?\s*(-?\d{1,9})(?:[.,]0+)?\s*\+?")


def read_availability(text: str) -> Availability | None:
    """The words of Google, Meta, schema.org and many languages in any spelling, or a number of pieces in stock.

    None at all means in stock; what is not known is None.
    """
    if not text or text.isspace():
        return Availability.IN_STOCK
    count = _COUNT.fullmatch(text.strip())
    if count is not None:
        return Availability.IN_STOCK if int(count[1]) > 0 else Availability.OUT_OF_STOCK
    return _AVAILABILITIES.get(_plain(text))


def read_condition(text: str) -> str | None:
    """``new``, ``used`` or ``refurbished``; empty for none at all, None for what is not known."""
    if not text or text.isspace():
        return ""
    return _CONDITIONS.get(_plain(text))


def _plain(text: str) -> str:
    """Letters and digits only, without case and accents: ``In-Stock`` is ``instock``."""
    bare = unicodedata.normalize("NFKD", _SCHEMA.sub("", text[:200].strip()).casefold())
    return "".join(character for character in bare if character.isalnum())


_AVAILABILITIES = {
    _plain(phrase): meaning for meaning, phrases in _AVAILABILITY.items() for phrase in phrases.split(",")
}
_CONDITIONS = {_plain(phrase): meaning for meaning, phrases in _CONDITION.items() for phrase in phrases.split(",")}
