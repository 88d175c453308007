"""Was a form sent from this server's own page?"""

from urllib.parse import urlsplit

from adserver.web.context import Context


def is_same_origin(context: Context) -> bool:
    """By what browsers tell of where a request comes from (Fetch Metadata), and where they do not, by the Origin. What
    names neither is no browser, or one in which nothing was pressed on another page."""
    site = context.headers.get(b"sec-fetch-site")
    if site is not None:
        return site in (b"same-origin", b"none")
    origin = context.header(b"origin")
    if not origin:
        return True
    try:
        return urlsplit(origin).netloc.lower() == context.header(b"host").lower() != ""
    except ValueError:
        return False
