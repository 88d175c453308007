"""An explanation as a page of text: on top what would be shown, below it every line item."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.decision.explain import CHOSEN, Explained
from adserver.model.decision import Why
from adserver.model.reason import LineItemReason, NoAdReason
from adserver.service.explanation import Explanation

_REASONS: Mapping[int, str] = MappingProxyType(
    {
        LineItemReason.PAUSED: "it is paused",
        LineItemReason.CAMPAIGN_PAUSED: "its campaign is paused",
        LineItemReason.OTHER_PLACEMENT: "it runs in other placements",
        LineItemReason.OTHER_PUBLISHER: "it runs at other publishers",
        LineItemReason.OTHER_SIZE: "no design of it has this size",
        LineItemReason.ADVERTISER_EXCLUDED: "the publisher does not show this advertiser",
        LineItemReason.HOUSE: "a house ad: only when nobody else can be shown",
        LineItemReason.NOT_STARTED: "it has not started",
        LineItemReason.ENDED: "it has ended",
        LineItemReason.DAYPART: "it does not run at this time of day",
        LineItemReason.CONSENT: "the visitor did not consent",
        LineItemReason.NO_HISTORY: "the visitor was not at this shop",
        LineItemReason.PAGE_CATEGORY: "the page is about something it avoids",
        LineItemReason.DEVICE: "it is for other devices",
        LineItemReason.GEO: "it is for other places",
        LineItemReason.SEGMENT: "the visitor is not in its segment",
        LineItemReason.EXCLUDED_SEGMENT: "the visitor is in a segment it leaves out",
        LineItemReason.CUSTOMER_LIST: "its customer lists leave the visitor out",
        LineItemReason.OTHER_ARM: "the visitor is in another arm",
        LineItemReason.PURCHASED: "the visitor has bought it",
        LineItemReason.FEED_STALE: "its feed is too old",
        LineItemReason.ADVERTISER_CAP: "the advertiser's cap is reached",
        LineItemReason.CAMPAIGN_CAP: "the campaign's cap is reached",
        LineItemReason.LINE_ITEM_CAP: "its cap is reached",
        LineItemReason.MIN_GAP: "its last ad was a moment ago",
        LineItemReason.TOTAL_BUDGET: "its budget is spent",
        LineItemReason.DAILY_BUDGET: "its budget of the day is spent",
        LineItemReason.PACING: "it would come too early for its pace",
        LineItemReason.NO_PRODUCT: "it has too few products to show",
        LineItemReason.PRODUCT_CAP: "its products have reached their cap",
        LineItemReason.HIDDEN: "the visitor has hidden its products",
        LineItemReason.OUTRANKED: "another one went first",
        LineItemReason.LOST_RACE: "another request took its last place",
        LineItemReason.HOLDOUT: "held back: the visitor is in the control group",
    }
)
_WHY: Mapping[Why, str] = MappingProxyType(
    {
        Why.CART: "in the cart",
        Why.PRICE_DROP: "viewed, cheaper since",
        Why.OFTEN: "viewed often",
        Why.VIEWED: "viewed",
        Why.BOUGHT_TOGETHER: "bought together with what was bought",
        Why.UPSELL: "a better one of the kind",
        Why.TOGETHER: "viewed together with what was viewed",
        Why.BEST_SELLER: "best seller",
    }
)


def tell(found: Explanation, *, visitor: str, at: datetime, console: Console) -> None:
    """Print it; ``at`` is UTC."""
    console.print(Text(f"{visitor} in {found.placement} at {at:%Y-%m-%d %H:%M:%S} UTC"))
    console.print(Text(_answer(found), style="bold"))
    for shown in found.products:
        console.print(Text(f"  {shown.product.id}  {shown.product.title} ({_WHY[shown.why]})"))
    if found.designs:
        console.print(Text("Creatives: " + ", ".join(f"{design} {share:.0%}" for design, share in found.designs)))
    rungs = ", ".join(f"{rung} at {advertiser}" for advertiser, rung in found.rungs.items())
    console.print(Text(f"The visitor: {rungs or 'nothing is known'}"))
    for advertiser, names in found.hidden.items():
        console.print(Text(f"Hidden by the visitor at {advertiser}: {', '.join(names)}"))
    console.print(_table(found))


def _answer(found: Explanation) -> str:
    if found.reason is NoAdReason.PLACEMENT_PAUSED:
        return "Nothing: the placement is paused." + (f" Else: {found.line_item}" if found.line_item else "")
    if found.ghost:
        return f"Nothing: {found.line_item} is held back, for the control group of its campaign."
    why = f"{found.reason.label} ({int(found.reason)})" if found.reason else ""
    if found.line_item:
        return f"Would be shown: {found.line_item}" + (f", as the answer to {why}" if why else "")
    if found.instead:
        return f"Nothing personal: {why}. House ads take turns: {', '.join(found.instead)}"
    return f"Nothing: {why}. The publisher's passback is called."


def _table(found: Explanation) -> Table:
    """Who came furthest stands on top."""
    table = Table()
    table.add_column("Line item")
    table.add_column("Number", justify="right")
    table.add_column("Why")
    table.add_column("Detail")
    for row in sorted(found.told, key=lambda row: (row.reason != CHOSEN, -row.number, row.line_item)):
        style = "green" if row.reason == CHOSEN else ""
        table.add_row(Text(row.line_item), str(row.number or ""), _words(row), Text(row.detail), style=style)
    return table


def _words(row: Explained) -> str:
    return CHOSEN if row.reason == CHOSEN else _REASONS[row.number]
