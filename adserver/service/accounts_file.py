"""The accounts file: TOML -> accounts, or all that is wrong with it: key, line, expected, found.

A new key is one row in ``TABLES`` (and a field of its noun); a new table is one entry there.
"""

import difflib
import ipaddress
import json
import os
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import idna
from babel import Locale, UnknownLocaleError
from babel.numbers import is_currency

from adserver.model.account import (
    ACCOUNT_ID_PATTERN,
    Accounts,
    Advertiser,
    Campaign,
    ConsentDefault,
    Feed,
    LineItem,
    Placement,
    Publisher,
    Status,
)

MAX_BYTES = 5_000_000

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. ``key`` is dotted, ``line`` counts from 1 (0: the file as a whole)."""

    line: int
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"line {self.line}: {self.key}" if self.line else self.key
        return f"{where}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class AccountsFile:
    """A file without problems. ``lines`` tells where each dotted key stands, counted from 1."""

    accounts: Accounts
    lines: Mapping[str, int]


def parse_accounts(data: str | bytes, *, base_dir: Path) -> AccountsFile | list[Problem]:
    """Read an accounts file; ``base_dir`` is what a relative feed path starts from.

    Never raises for what is in ``data``: answers all problems, in the order of lines. References to accounts
    that the file does not have are left to ``apply_accounts``, which knows the others.
    """
    text = _decoded(data)
    if isinstance(text, Problem):
        return [text]
    lines = _Lines(text)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return [_syntax_problem(error, lines)]
    reader = _Reader(lines)
    tables = reader.tables(document)
    if reader.problems:
        return sorted(reader.problems)
    return AccountsFile(_accounts(tables, base_dir), {dotted(path): line for path, line in lines.known.items()})


def dotted(path: KeyPath) -> str:
    """A key as one writes it in TOML, with what can not be printed escaped."""
    return ".".join(part if re.fullmatch(r"[\w-]+", part, re.ASCII) else quoted(part) for part in path)


def quoted(text: str) -> str:
    """A text in double quotes, on one line, printable, cut after 60 characters."""
    cut = text if len(text) <= 60 else text[:60] + "…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def nearest(name: str, known: list[str]) -> str:
    """`` (did you mean "x"?)``, or nothing when no known name is near."""
    close = difflib.get_close_matches(name, known, n=1) if len(name) <= 64 else []
    return f" (did you mean {quoted(close[0])}?)" if close else ""


# What a value must be


@dataclass(frozen=True, slots=True)
class Wrong:
    """A check's refusal. ``expected`` says more than the key's row; ``at`` is the element of an array."""

    expected: str = ""
    at: int | None = None


class _Required:
    """The default of a key that must be there."""


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table: its check answers the value to keep or ``Wrong``; ``keys`` make it a table."""

    name: str
    expected: str
    check: Callable[[Any], object] = lambda value: value
    default: object = REQUIRED
    keys: tuple["Key", ...] = ()


def _printable(value: Any) -> object:
    if not isinstance(value, str):
        return Wrong()
    name = unicodedata.normalize("NFC", value).strip()
    joiners_and_marks = "\u200c\u200d\u200e\u200f"  # scripts and emoji need them; overrides and isolates are not here
    for letter in name:
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in joiners_and_marks:
            return Wrong(f"a name without control characters such as U+{ord(letter):04X}")
    return name if 1 <= len(name) <= 200 else Wrong()


def _host(value: Any) -> str | Wrong:
    """A host name in lower case and ASCII (IDN as punycode), or an IP address."""
    if not isinstance(value, str) or not value or value != value.strip():
        return Wrong()
    if value.startswith(("*", ".")):
        return Wrong('a host name without "*." or a leading dot: subdomains are covered already')
    bare = value.removeprefix("[").removesuffix("]")
    if "%" not in bare and _is_address(bare):
        return str(ipaddress.ip_address(bare))
    if any(mark in value for mark in "/:@?#\\"):
        return Wrong('a host name without scheme, port or path such as "shop.example"')
    name = value.lower().removesuffix(".")
    if len(name) <= 253 and (not name.isascii() or "xn--" in name):
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except UnicodeError:
            return Wrong()
    labels = name.split(".")
    label = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
    if len(name) > 253 or not all(re.fullmatch(label, part) for part in labels):
        return Wrong()
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        return Wrong()  # browsers read it as an address, and not as the one that is written there
    if len(labels) == 1 and name != "localhost":
        return Wrong('a full host name such as "shop.example": one word would cover all names below it')
    return name


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _hosts(value: Any) -> object:
    if not isinstance(value, list) or not value:
        return Wrong()
    hosts = [_host(element) for element in value]
    for at, host in enumerate(hosts):
        if isinstance(host, Wrong):
            return Wrong(host.expected, at)
    return tuple(dict.fromkeys(hosts))


def _currency(value: Any) -> object:
    return value if isinstance(value, str) and len(value) == 3 and is_currency(value) else Wrong()


def _locale(value: Any) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}", value):
        return Wrong()
    name = value.replace("-", "_")
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        return Wrong()
    return name


def _matching(pattern: str) -> Callable[[Any], object]:
    return lambda value: value if isinstance(value, str) and re.fullmatch(pattern, value) else Wrong()


def _one_of(choices: type[StrEnum]) -> Callable[[Any], object]:
    return lambda value: choices(value) if isinstance(value, str) and value in set(choices) else Wrong()


def _share(value: Any) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return Wrong()
    return float(value)


def _source(value: Any) -> object:
    """A feed's address as it is written; a path becomes absolute later."""
    if not isinstance(value, str) or not 1 <= len(value) <= 2048 or not value.isprintable() or value != value.strip():
        return Wrong()
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value):
        return value
    try:
        address = urlsplit(value)
        valid = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        return Wrong()
    return value if valid and " " not in value else Wrong()


# What may stand in the file

_ID = "an id of 1 to 64 letters A-Z a-z, digits, _ or -"
_NAME = Key("name", "a name of 1 to 200 printable characters", _printable)
_DOMAINS = Key("domains", 'a list of host names such as ["shop.example"]', _hosts)
_STATUS = Key("status", '"active" or "paused"', _one_of(Status), Status.ACTIVE)


def _reference(name: str, noun: str) -> Key:
    return Key(name, f"the id of {noun}, in letters A-Z a-z, digits, _ or -", _matching(ACCOUNT_ID_PATTERN))


@dataclass(frozen=True, slots=True)
class Table:
    """``[<name>.<id>]``: its keys are the fields of ``noun``."""

    name: str
    noun: Callable[..., Any]
    keys: tuple[Key, ...]


_FEED_KEYS = (Key("source", "an http(s) URL or a path of at most 2048 characters", _source),)

TABLES: tuple[Table, ...] = (
    Table(
        "advertisers",
        Advertiser,
        (
            _NAME,
            _DOMAINS,
            Key("currency", 'an ISO 4217 currency such as "EUR"', _currency),
            Key("locale", 'a locale such as "de_DE"', _locale),
            Key("consent_default", '"deny" or "allow"', _one_of(ConsentDefault), None),
            Key("feed", "a table such as [advertisers.my-shop.feed]", default=None, keys=_FEED_KEYS),
        ),
    ),
    Table(
        "campaigns",
        Campaign,
        (
            _reference("advertiser", "an advertiser"),
            _STATUS,
            Key("holdout", "a number from 0 to 1", _share, 0.0),
        ),
    ),
    Table(
        "line_items",
        LineItem,
        (_reference("campaign", "a campaign"), _reference("creative", "a creative"), _STATUS),
    ),
    Table("publishers", Publisher, (_NAME, _DOMAINS)),
    Table(
        "placements",
        Placement,
        (
            _reference("publisher", "a publisher"),
            Key("size", 'a size like "300x250"', _matching(r"[1-9][0-9]{1,3}x[1-9][0-9]{1,3}")),
            _STATUS,
        ),
    ),
)


# Reading


class _Reader:
    """Walks a document along ``TABLES`` and collects what is wrong."""

    def __init__(self, lines: "_Lines") -> None:
        self._lines = lines
        self.problems: list[Problem] = []

    def tables(self, document: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
        """Table -> id -> key -> value; only of use when there are no problems."""
        self._unknown((), document, [table.name for table in TABLES])
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for table in TABLES:
            rows = document.get(table.name, {})
            found[table.name] = {}
            if not isinstance(rows, dict):
                self._refuse((table.name,), f"tables such as [{table.name}.my-id]", rows)
                continue
            for account, row in rows.items():
                path = (table.name, account)
                if not re.fullmatch(ACCOUNT_ID_PATTERN, account):
                    self._refuse(path, _ID, account)
                found[table.name][account] = self._table(path, f"a table [{dotted(path)}]", row, table.keys)
        return found

    def _table(self, path: KeyPath, expected: str, raw: object, keys: tuple[Key, ...]) -> dict[str, Any]:
        if not isinstance(raw, dict):
            self._refuse(path, expected, raw)
            return {}
        self._unknown(path, raw, [key.name for key in keys])
        return {key.name: self._value((*path, key.name), raw, key) for key in keys}

    def _value(self, path: KeyPath, raw: dict[str, Any], key: Key) -> object:
        if key.name not in raw:
            if key.default is REQUIRED:
                self._refuse(path, key.expected, None)
            return key.default
        value = raw[key.name]
        if key.keys:
            return self._table(path, key.expected, value, key.keys)
        checked = key.check(value)
        if isinstance(checked, Wrong):
            found = value if checked.at is None else value[checked.at]
            self._refuse(path, checked.expected or key.expected, found, at=checked.at)
        return checked

    def _unknown(self, path: KeyPath, raw: dict[str, Any], known: list[str]) -> None:
        for name in raw.keys() - set(known):
            self._refuse((*path, name), f"one of {', '.join(known)}{nearest(name, known)}", name)

    def _refuse(self, path: KeyPath, expected: str, found: object, *, at: int | None = None) -> None:
        line = self._lines.of(path if at is None else (*path, str(at)))
        self.problems.append(Problem(line, dotted(path), expected, _shown(found)))


def _accounts(tables: dict[str, dict[str, dict[str, Any]]], base_dir: Path) -> Accounts:
    feeds = {}
    for account, values in tables["advertisers"].items():
        feed = values.pop("feed")
        if feed is not None:
            feeds[account] = Feed(advertiser=account, source=_absolute(feed["source"], base_dir))
    nouns = {
        table.name: {account: table.noun(id=account, **values) for account, values in tables[table.name].items()}
        for table in TABLES
    }
    return Accounts(feeds=feeds, **nouns)


def _absolute(source: str, base_dir: Path) -> str:
    # Without asking the disk, so that a feed may come later.
    return source if "://" in source else os.path.abspath(base_dir / source)  # noqa: PTH100


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return quoted(value)
        case bool():
            return str(value).lower()
        case int() | float():
            return "a very large number" if abs(value) >= 10**18 else str(value)
        case list():
            return "an array" if value else "an empty array"
        case dict():
            return "a table"
    return "a date or time"


def _decoded(data: str | bytes) -> str | Problem:
    """The text, without a byte order mark."""
    try:
        encoded = data.encode("utf-8") if isinstance(data, str) else data
        text = encoded.decode("utf-8") if len(encoded) <= MAX_BYTES else ""
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Problem(line, "the file", "UTF-8 text", f"the byte 0x{error.object[error.start]:02x}")
    except UnicodeEncodeError:
        return Problem(0, "the file", "UTF-8 text", "half a surrogate pair")
    if len(encoded) > MAX_BYTES:
        return Problem(0, "the file", f"at most {MAX_BYTES:,} bytes", f"{len(encoded):,}")
    return text.removeprefix("\ufeff")


def _syntax_problem(error: Exception, lines: "_Lines") -> Problem:
    if isinstance(error, RecursionError):
        return Problem(0, "the file", "TOML", "brackets nested too deeply")
    said = str(error)
    position = re.search(r" \(at line (\d+), column \d+\)$", said)
    line = int(position[1]) if position else lines.count
    what = said.removesuffix(position[0]) if position else said.removesuffix(" (at end of document)")
    return Problem(line, lines.key_at(line), "TOML", f"an error in it: {what[:1].lower()}{what[1:]}")


# Where things stand

_TOKEN = re.compile(
    r'''(?P<word> """(?:[^"\\]++|\\.|"(?!""))*+"{0,5} | \'\'\'(?:[^']++|'(?!''))*+'{0,5}
              | "(?:[^"\\\n]++|\\[^\n])*+"? | '[^'\n]*+'? | [A-Za-z0-9_-]++ )
      | (?P<comment> \#[^\n]*+ )
      | (?P<mark> [\[\]{}=,\n] )''',
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 12  # parts of a key; what is nested deeper than any table of ours is not told apart


class _Lines:
    """The line of every key. ``tomllib`` tells none, so the text is scanned again; broken TOML is fine."""

    def __init__(self, text: str) -> None:
        self.known: dict[KeyPath, int] = {}
        self._keys: list[tuple[int, KeyPath]] = []
        self._headers: list[tuple[int, KeyPath]] = [(0, ())]
        self._doubles: dict[KeyPath, int] = {}
        self._frames: list[tuple[KeyPath, int]] = []  # open arrays (index of the element), inline tables (-1)
        self._take = self._key
        self._parts: list[str] = []
        self._doubled = False
        self._target: KeyPath = ()  # of the value that is being read
        self._line = 1
        position = 0
        for token in _TOKEN.finditer(text):
            self._line += text.count("\n", position, token.start())
            position = token.start()
            if token.group() == "\n":
                self._end_line()
            elif token.lastgroup != "comment":
                self._take(token.group(), token.lastgroup == "word")
        self._end_line()
        self.count = self._line + text.count("\n", position)
        implied: dict[KeyPath, int] = {}
        for path, line in self.known.items():
            for length in range(1, len(path)):
                implied.setdefault(path[:length], line)
        self.known = implied | self.known

    def of(self, path: KeyPath) -> int:
        """The line of a key; of the table around it when the key itself is not there."""
        while path and path not in self.known:
            path = path[:-1]
        return self.known.get(path, 1)

    def key_at(self, line: int) -> str:
        """The key that is written on a line, or else the table that the line belongs to."""
        here = [path for at, path in self._keys if at == line]
        before = [path for at, path in self._headers if at <= line]
        return dotted((here or before)[-1]) or "the file"

    def _note(self, path: KeyPath) -> None:
        self.known.setdefault(path, self._line)
        self._keys.append((self._line, path))

    def _end_line(self) -> None:
        if self._frames:
            return
        if self._parts and self._take == self._header:  # without its end
            self._note(tuple(self._parts))
        elif self._parts:  # a key without its value
            self._note((*self._headers[-1][1], self._parts[0]))
        self._take, self._parts = self._key, []

    def _header(self, mark: str, word: bool) -> None:
        if word:
            self._add_part(mark)
        elif mark == "[":
            self._doubled = True
        elif mark == "]":
            path = tuple(self._parts)
            if self._doubled:
                self._doubles[path] = self._doubles.get(path, -1) + 1
                path = (*path, str(self._doubles[path]))
            self._headers.append((self._line, path))
            self._note(path)
            self._take, self._parts = self._value, []

    def _key(self, mark: str, word: bool) -> None:
        if word:
            self._add_part(mark)
        elif mark == "=":
            around = self._frames[-1][0] if self._frames else self._headers[-1][1]
            self._target = (*around, *self._parts)[:_DEEPEST]
            self._note(self._target)
            self._take, self._parts = self._value, []
        elif mark == "[" and not self._frames:
            self._take, self._doubled = self._header, False
        elif mark == "}" and self._frames:
            self._frames.pop()
            self._take, self._parts = self._value, []

    def _value(self, mark: str, word: bool) -> None:
        path, index = self._frames[-1] if self._frames else (self._target, -1)
        target = self._target
        if index >= 0:
            target = (*path, str(index))[:_DEEPEST]
            if word or mark in "[{":
                self.known.setdefault(target, self._line)
        if mark == "{":
            self._frames.append((target, -1))
            self._take = self._key
        elif mark == "[":
            self._frames.append((target, 0))
        elif mark in {"]", "}"} and self._frames:
            self._frames.pop()
        elif mark == "," and self._frames:
            if index < 0:
                self._take = self._key
            else:
                self._frames[-1] = (path, index + 1)

    def _add_part(self, token: str) -> None:
        if len(self._parts) < _DEEPEST:
            self._parts.append(_unquoted(token))


def _unquoted(token: str) -> str:
    if token[0] not in "\"'":
        return token
    try:
        return str(tomllib.loads(f"key = {token}")["key"])
    except ValueError:
        return token
