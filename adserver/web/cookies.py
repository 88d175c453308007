"""The visitor cookie and the opt-out cookie, as headers (RFC 6265bis; CHIPS for ``Partitioned``)."""

from typing import NamedTuple

DAY_S = 86_400

VISITOR_NAMES = {True: (b"__Host-adserver", b"__Host-adserver-p"), False: (b"adserver", b"adserver-p")}
"""By ``secure``: the cookie, and its copy for browsers that keep one jar per site they are on."""

OPT_OUT = b"adserver-opt-out"
_OPT_OUT_DAYS = 400
"""As long as browsers keep any cookie."""


class OwnCookies(NamedTuple):
    """What of a Cookie header is ours: all values of the visitor cookie and of its copy (a tossed one stands beside the
    real one, in any order), and whether the opt-out is there."""

    visitor: list[str]
    copies: list[str]
    opted_out: bool


_NONE = OwnCookies([], [], opted_out=False)


def own_cookies(header: bytes, *, secure: bool) -> OwnCookies:
    """From the header's value (RFC 6265 section 5.4); cookies of one connection that were sent apart are joined."""
    if b"adserver" not in header:
        return _NONE
    plain, partitioned = VISITOR_NAMES[secure]
    visitor: list[str] = []
    copies: list[str] = []
    opted_out = False
    for pair in header.split(b";"):
        name, _, value = pair.partition(b"=")
        name = name.strip()
        if name == plain:
            visitor.append(value.strip().decode("latin-1"))
        elif name == partitioned:
            copies.append(value.strip().decode("latin-1"))
        elif name == OPT_OUT:
            opted_out = True
    return OwnCookies(visitor, copies, opted_out)


_CROSSING = b"; Secure; SameSite=None"
_LAX = b"; SameSite=Lax"


class CookieHeaders:
    """``days``: life of the visitor cookie. It is set once; later visits do not renew it, as CNIL asks, unless
    the signing secret was replaced.

    ``partitioned``: beside the plain cookie set a partitioned copy where the request crosses sites. Where third-party
    cookies are blocked, that copy keeps one visitor of a shop one visitor; other sites never see it.
    """

    def __init__(self, *, days: int, partitioned: bool) -> None:
        self._age = days * DAY_S
        self._partitioned = partitioned

    def visitor(self, value: str, *, secure: bool, cross_site: bool, copy: bool = True) -> list[tuple[bytes, bytes]]:
        """``Set-Cookie`` headers. Over plain HTTP the form depends on the request: browsers take ``Secure`` from
        localhost when it crosses sites (and only then send it back), and a lax cookie within one site.

        Without ``copy`` the partitioned one is left as it is.
        """
        name, partitioned = VISITOR_NAMES[secure]
        form = _CROSSING if secure or cross_site else _LAX
        headers = [_set_cookie(name, value.encode(), self._age, form)]
        if self._partitioned and cross_site and copy:
            headers.append(_set_cookie(partitioned, value.encode(), self._age, form + b"; Partitioned"))
        return headers

    def opt_out(self, *, secure: bool) -> list[tuple[bytes, bytes]]:
        """Set the opt-out and expire the visitor cookie, in each form that a browser may hold them in."""
        forms = [_CROSSING] if secure else [_LAX, _CROSSING]
        age = _OPT_OUT_DAYS * DAY_S
        set_cookies = [_set_cookie(OPT_OUT, b"1", age, form) for form in forms]
        return set_cookies + [_set_cookie(VISITOR_NAMES[secure][0], b"", 0, form) for form in forms]


def _set_cookie(name: bytes, value: bytes, age: int, form: bytes) -> tuple[bytes, bytes]:
    return b"set-cookie", b"%s=%s; Max-Age=%d; Path=/; HttpOnly%s" % (name, value, age, form)
