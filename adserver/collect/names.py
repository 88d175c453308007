"""Event names as shops write them: GA4's own, and Criteo's and Meta's for the same events."""

from adserver.model.event_name import EventName

_ALIASES = {
    # Criteo OneTag
    "viewHome": EventName.PAGE_VIEW,
    "viewPage": EventName.PAGE_VIEW,
    "viewList": EventName.VIEW_ITEM_LIST,
    "viewItem": EventName.VIEW_ITEM,
    "addToCart": EventName.ADD_TO_CART,
    "viewBasket": EventName.VIEW_CART,
    "viewCart": EventName.VIEW_CART,
    "trackTransaction": EventName.PURCHASE,
    # Meta Pixel standard events
    "PageView": EventName.PAGE_VIEW,
    "ViewContent": EventName.VIEW_ITEM,
    "AddToCart": EventName.ADD_TO_CART,
    "InitiateCheckout": EventName.BEGIN_CHECKOUT,
    "Purchase": EventName.PURCHASE,
    "Search": EventName.SEARCH,
    "CompleteRegistration": EventName.SIGN_UP,
    "Lead": EventName.GENERATE_LEAD,
}

EVENT_BY_NAME = {name.value: name for name in EventName} | {a.lower(): name for a, name in _ALIASES.items()}
"""Lower-case name -> event; none of the three vocabularies tells names apart by case."""
