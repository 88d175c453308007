"""What happens in a shop. Names are GA4's recommended e-commerce events."""

from enum import StrEnum


class EventName(StrEnum):
    """GA4's names; Criteo's and Meta's for the same are aliases of them."""

    PAGE_VIEW = "page_view"
    VIEW_ITEM_LIST = "view_item_list"
    VIEW_ITEM = "view_item"
    ADD_TO_CART = "add_to_cart"
    REMOVE_FROM_CART = "remove_from_cart"
    VIEW_CART = "view_cart"
    BEGIN_CHECKOUT = "begin_checkout"
    PURCHASE = "purchase"
    REFUND = "refund"
    SEARCH = "search"
    LOGIN = "login"
    SIGN_UP = "sign_up"
    GENERATE_LEAD = "generate_lead"
    FILE_DOWNLOAD = "file_download"
    CLICK = "click"
