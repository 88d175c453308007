"""The visitor cookie and the opt-out cookie, as headers (RFC 6265bis; CHIPS for ``Partitioned``)."""

DAY_S = 86_400

VISITOR_NAMES = {True: (b"__Host-adserver", b"__Host-adserver-p"), False: (b"adserver", b"adserver-p")}
"""By ``secure``: the cookie, and its copy for browsers that keep one jar per site they are on."""

OPT_OUT = b"adserver-opt-out"
_OPT_OUT_DAYS = 400
"""As long as browsers keep any cookie."""


def cookie_values(header: bytes, name: bytes) -> list[str]:
    """All values of the cookies called ``name``: a tossed one stands beside the real one, in any order."""
    if name not in header:
        return []
    values = []
    for pair in header.split(b";"):
        key, _, value = pair.partition(b"=")
        if key.strip() == name:
            values.append(value.strip().decode("latin-1"))
    return values


class CookieHeaders:
    """``days``: life of the visitor cookie. It is set once and not renewed by later visits, as CNIL asks.

    ``partitioned``: beside the plain cookie set a partitioned copy where the request crosses sites. Where third-party
    cookies are blocked, that copy keeps one visitor of a shop one visitor; other sites never see it.
    """

    def __init__(self, *, days: int, partitioned: bool) -> None:
        self._age = days * DAY_S
        self._partitioned = partitioned

    def visitor(self, value: str, *, secure: bool, cross_site: bool) -> list[tuple[bytes, bytes]]:
        """``Set-Cookie`` headers. Over plain HTTP the form depends on the request: browsers take ``Secure`` from
        localhost when it crosses sites (and only then send it back), and a lax cookie within one site."""
        name, copy = (n.decode() for n in VISITOR_NAMES[secure])
        attributes = f"; Max-Age={self._age}; Path=/; HttpOnly" + _site(secure=secure, cross_site=cross_site)
        headers = [(b"set-cookie", f"{name}={value}{attributes}".encode())]
        if self._partitioned and cross_site:
            headers.append((b"set-cookie", f"{copy}={value}{attributes}; Partitioned".encode()))
        return headers

    def opt_out(self, *, secure: bool) -> list[tuple[bytes, bytes]]:
        """Set the opt-out and expire the visitor cookie."""
        site = _site(secure=secure, cross_site=False)
        age = _OPT_OUT_DAYS * DAY_S
        headers = [(b"set-cookie", OPT_OUT + f"=1; Max-Age={age}; Path=/; HttpOnly{site}".encode())]
        headers += [
            (b"set-cookie", name + f"=; Max-Age=0; Path=/; HttpOnly{site}".encode())
            for name in VISITOR_NAMES[secure][:1]
        ]
        return headers


def _site(*, secure: bool, cross_site: bool) -> str:
    return "; Secure; SameSite=None" if secure or cross_site else "; SameSite=Lax"
