"""Where a Valkey listens and how to get in, from the URL that redis-py understands as well."""

import ssl
from dataclasses import dataclass, field, replace
from typing import Any

from redis.asyncio.connection import parse_url

_CHECKS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_OPTIONS = {
    *("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_certfile", "ssl_keyfile", "ssl_password"),
    *("ssl_cert_reqs", "ssl_check_hostname"),
}
_EXPECTED = "expected redis://, rediss:// or unix://, a password's special characters percent-encoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``path`` is a unix socket's; else ``host`` and ``port``. ``tls`` is None for plain TCP."""

    host: str = ""
    port: int = 0
    path: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    database: int = 0
    tls: ssl.SSLContext | None = None

    def beside(self, host: str, port: int) -> "Address":
        """Another node of the same cluster: same way in, no database but 0."""
        return replace(self, host=host, port=port, path="", database=0)


def address_of(url: str) -> Address:
    """``redis://``, ``rediss://`` (with the ``ssl_...`` query options that redis-py has for certificates) or ``unix://``.

    Raises ValueError, also for certificates that can not be read and for an ``ssl_...`` option that is not known here;
    its text holds nothing of the password.
    """
    try:
        options: dict[str, Any] = dict(parse_url(url))
    except ValueError:
        # The parser's own words may quote a piece of a password.
        raise ValueError(f"the Valkey URL can not be read: {_EXPECTED}") from None
    path = options.get("path", "")
    if url.startswith("unix:") and not path:
        raise ValueError(f"the Valkey URL names no socket: {_EXPECTED}")
    return Address(
        host="" if path else options.get("host", "localhost"),
        port=0 if path else options.get("port", 6379),
        path=path,
        username=options.get("username") or "",
        password=options.get("password") or "",
        database=options.get("db", 0),
        tls=_context(options) if url.startswith("rediss:") else None,
    )


def _context(options: dict[str, Any]) -> ssl.SSLContext:
    unknown = [name for name in options if name.startswith("ssl_") and name not in _OPTIONS]
    if unknown:
        raise ValueError(f"not understood in the Valkey URL: {', '.join(sorted(unknown))}")
    asked = str(options.get("ssl_cert_reqs", "required"))
    if asked not in _CHECKS:
        raise ValueError(f"ssl_cert_reqs: expected none, optional or required, found {asked!r}")
    try:
        context = ssl.create_default_context(
            cafile=options.get("ssl_ca_certs"), capath=options.get("ssl_ca_path"), cadata=options.get("ssl_ca_data")
        )
        if options.get("ssl_certfile"):
            context.load_cert_chain(
                options["ssl_certfile"], options.get("ssl_keyfile"), options.get("ssl_password", "")
            )
    except OSError as error:
        raise ValueError(f"a certificate of the Valkey URL can not be used: {error}") from error
    context.check_hostname = asked != "none" and bool(options.get("ssl_check_hostname", True))
    context.verify_mode = _CHECKS[asked]
    return context
