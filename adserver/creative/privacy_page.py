"""What is stored of a visitor and the way out of it, and the page behind that way."""

from adserver.creative.visitor_page import render


def privacy_page(language: str) -> bytes:
    """One UTF-8 HTML document with the button."""
    return render("privacy.html", language)


def opted_out_page(language: str) -> bytes:
    """The page that says that it is done."""
    return render("opted-out.html", language)
