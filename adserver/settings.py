"""Every setting there is: name, default, unit, range and why. ``docs/settings.md`` has a line for each.

A setting is given as ``ADSERVER_<NAME>`` or, where the command line has it, as ``--<name>``; the command line wins.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adserver.clock import clock_of
from adserver.model.account import ConsentDefault

PREFIX = "ADSERVER_"


class SettingError(ValueError):
    """A setting that can not be used. The text names the variable and what was expected, and no secret's value."""


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        number = int(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return parse


def _flag(value: str) -> bool:
    return {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }[value.lower()]


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    more = parts.path.strip("/") or parts.query or parts.fragment
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or more):
        raise ValueError
    return value.rstrip("/")


def _valkey_url(value: str) -> str:
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError
    return value


def _fetch_allow(value: str) -> str:
    if value:
        from adserver.storage.fetch.allowed import Allowed

        Allowed.parse(value)
    return value


def _pictures(value: str) -> str:
    if "://" in value:
        import fsspec  # type: ignore[import-untyped]

        try:
            fsspec.get_filesystem_class(value.partition("://")[0])
        except ImportError as error:
            raise ValueError from error
    return value


def _creatives(value: str) -> str:
    if value and not Path(value).is_dir():
        raise ValueError
    return str(Path(value).absolute()) if value else ""


def _clock(value: str) -> str:
    try:
        clock_of(value)
    except OSError as error:
        raise ValueError from error
    return str(Path(value).absolute()) if value else ""


def _setting(default: Any, parse: Callable[[str], Any], expected: str, why: str) -> Any:
    return field(default=default, metadata={"parse": parse, "expected": expected, "why": why})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The table."""

    host: str = _setting("127.0.0.1", str, "an address or host name", "the address to listen on")
    port: int = _setting(8000, _whole(0, 65535), "0 to 65535", "the port to listen on; 0 takes a free one")
    workers: int = _setting(1, _whole(1, 256), "1 to 256", "processes that answer requests; one per core")
    data_dir: Path = _setting(
        Path("adserver-data"), Path, "a folder", "the embedded stores, the secret and the logs live here"
    )
    valkey_url: str = _setting(
        "",
        _valkey_url,
        "redis://, rediss:// or unix://",
        "a Valkey or Redis (7.0 or newer) of your own; empty: embedded",
    )
    valkey_memory_mb: int = _setting(
        0,
        _whole(0, 1_048_576),
        "0 to 1048576 megabytes",
        "how much the embedded Valkey may hold before it refuses events; 0: 60 % of the machine's memory",
    )
    spool_mb: int = _setting(
        64,
        _whole(1, 65_536),
        "1 to 65536 megabytes",
        "how much each worker writes to disk while Valkey is away; then the newest events are refused",
    )
    pictures: str = _setting(
        "",
        _pictures,
        "a folder, or a URL like s3://bucket/pictures whose package for fsspec is installed",
        "where made pictures are kept; empty: in the data folder",
    )
    pictures_mb: int = _setting(
        1_024,
        _whole(16, 16_777_216),
        "16 to 16777216 megabytes",
        "how much a folder of pictures may hold; then those that were not asked for longest go",
    )
    creatives: str = _setting(
        "",
        _creatives,
        "a folder that is there",
        "designs of your own, a folder each, beside the shipped ones; empty: the shipped ones only",
    )
    web_font: bool = _setting(
        True,
        _flag,
        "1 or 0",
        "banners bring their font, 37 KB; 0: they use what the visitor's system has",
    )
    wait_replicas: int = _setting(
        0,
        _whole(0, 16),
        "0 to 16",
        "replicas that must have an event before it is answered; 0: a lost primary may lose the last moment",
    )
    database_url: str = _setting(
        "", str, "sqlite:/// or postgresql://", "where accounts and reports live; empty: SQLite"
    )
    public_url: str = _setting(
        "",
        _base_url,
        "https://host without a path",
        "how browsers reach this server; its https makes cookies Secure behind a proxy",
    )
    secret: str = _setting(
        "",
        str,
        "one or two secrets of 32 or more characters, separated by a comma",
        "signs cookies and tokens; the first signs, both verify; empty: made at the first start",
    )
    trusted_proxies: str = _setting(
        "",
        str,
        "addresses or networks, separated by commas",
        "whose X-Forwarded-For and X-Forwarded-Proto are believed",
    )
    ssl_certfile: str = _setting("", str, "a PEM file", "serve HTTPS without a proxy in front")
    ssl_keyfile: str = _setting("", str, "a PEM file", "the key that goes with the certificate")
    fetch_allow: str = _setting(
        "",
        _fetch_allow,
        "host names, addresses or networks, each with :port where it is not 80 or 443, separated by commas",
        "where feeds and pictures are fetched from beside the public web; empty: nowhere else",
    )
    feed_archive: str = _setting(
        "",
        str,
        "a folder, or a URL such as s3://bucket/folder",
        "the last good catalog of each feed is kept here, to fill an empty Valkey; empty: feeds in the data folder",
    )
    consent_default: ConsentDefault = _setting(
        ConsentDefault.DENY,
        ConsentDefault,
        "deny or allow",
        "what a request without any consent signal means",
    )
    ad_deadline_ms: int = _setting(
        50, _whole(5, 5_000), "5 to 5000 milliseconds", "longest wait for Valkey before an ad is given up"
    )
    retention_days: int = _setting(90, _whole(1, 390), "1 to 390 days", "how long a profile lives after its last event")
    new_visitor_minutes: int = _setting(
        60,
        _whole(1, 1_440),
        "1 to 1440 minutes",
        "how long a first event lives while its cookie has not come back",
    )
    cookie_days: int = _setting(
        390, _whole(1, 390), "1 to 390 days", "life of the visitor cookie; CNIL allows 13 months"
    )
    partitioned_cookie: bool = _setting(
        True,
        _flag,
        "1 or 0",
        "also set a partitioned copy, so that blocked third-party cookies do not make new visitors",
    )
    impression_minutes: int = _setting(
        60, _whole(1, 1_440), "1 to 1440 minutes", "how long after the decision an impression counts"
    )
    click_minutes: int = _setting(
        1_440,
        _whole(1, 10_080),
        "1 to 10080 minutes",
        "how long after the decision a click counts; it always redirects",
    )
    metrics_token: str = _setting(
        "",
        str,
        "a bearer token",
        "opens /metrics from other machines; empty: this machine and operator keys only",
    )
    preview_open: bool = _setting(
        False,
        _flag,
        "1 or 0",
        "/preview without an API key, for everybody who reaches it; 0: with a key only",
    )
    overload_ms: int = _setting(
        4,
        _whole(0, 10_000),
        "0 to 10000 milliseconds",
        "how long a turn of a worker's loop may take, in which it answers all that has come; where one after the other "
        "is longer, ads and then pixels are refused; 0: never",
    )
    rate_limit: int = _setting(
        0,
        _whole(0, 1_000_000),
        "0 to 1000000 requests per second",
        "what one address prefix (IPv4 /24, IPv6 /64) may ask of one worker; 0: no limit, as proxies share addresses",
    )
    refuse_tools: bool = _setting(
        False,
        _flag,
        "1 or 0",
        "refuse HTTP libraries and automated browsers as crawlers are; 0: count them, as shops' own programs use them",
    )
    fast_lane: bool = _setting(
        True,
        _flag,
        "1 or 0",
        "answer hot requests straight from the HTTP parser; 0: everything through plain ASGI, several times slower",
    )
    access_log: bool = _setting(
        False,
        _flag,
        "1 or 0",
        "a log line per request, without query and with the network instead of the address; costs speed",
    )
    geo_db: str = _setting(
        "",
        str,
        "a file in MaxMind's format (.mmdb)",
        "where addresses are, for line items with geo; empty: nobody knows, and these line items do not run",
    )
    log_level: str = _setting(
        "info",
        lambda v: {"debug": v, "info": v, "warning": v, "error": v}[v.lower()].lower(),
        "debug, info, warning or error",
        "how much is logged",
    )
    backlog: int = _setting(2_048, _whole(16, 65_535), "16 to 65535", "connections that may wait to be accepted")
    clock: str = _setting(
        "",
        _clock,
        "a file that a simulation keeps as its clock",
        "simulations only: what the server takes for the time; empty: the system's clock",
    )

    @property
    def database(self) -> str:
        """The URL of the SQL database that is used."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'adserver.db'}"

    @property
    def own_creatives(self) -> Path | None:
        """The folder of the operator's own designs; None without one."""
        return Path(self.creatives) if self.creatives else None

    @property
    def archive(self) -> str:
        """The folder or URL of the archived catalogs that is used."""
        return self.feed_archive or str(self.data_dir.absolute() / "feeds")


def load_settings(environ: Mapping[str, str] = os.environ, /, **given: Any) -> Settings:
    """Settings from what was ``given`` (None: not given), else from the environment, else the defaults."""
    values = {name: value for name, value in given.items() if value is not None}
    for item in fields(Settings):
        raw = environ.get(PREFIX + item.name.upper())
        if item.name not in values and raw is not None and raw != "":
            values[item.name] = raw
    parsed = {}
    for item in fields(Settings):
        if item.name in values:
            parsed[item.name] = _parse(item.name, item.metadata, values[item.name])
    return Settings(**parsed)


def _parse(name: str, metadata: Mapping[str, Any], value: Any) -> Any:
    try:
        return metadata["parse"](str(value))
    except (ValueError, KeyError) as error:
        shown = "" if name in ("secret", "metrics_token", "database_url", "valkey_url") else f", found {str(value)!r}"
        raise SettingError(f"{PREFIX}{name.upper()}: expected {metadata['expected']}{shown}") from error
