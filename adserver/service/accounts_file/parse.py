"""Bytes -> accounts, or all that is wrong."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adserver.model.account import Accounts, Feed
from adserver.service.accounts_file.lines import DEEPEST, Lines
from adserver.service.accounts_file.problem import KeyPath, Problem, dotted
from adserver.service.accounts_file.reader import Reader
from adserver.service.accounts_file.tables import TABLES

MAX_BYTES = 1_000_000
"""Room for some ten thousand accounts. Together with ``DEEPEST`` it bounds the time that any file takes."""


@dataclass(frozen=True, slots=True)
class AccountsFile:
    """A file without problems. ``lines`` tells where each dotted key that it names stands, counted from 1.

    A key that is not in ``lines`` has its default in ``accounts``.
    """

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
    lines = Lines(text)
    if lines.too_deep:  # tomllib takes time and memory with the square of a key's parts
        line, path = lines.too_deep
        return [Problem(line, dotted(path), f"a key of at most {DEEPEST} parts", "more")]
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return [_syntax_problem(error, lines)]
    reader = Reader(lines)
    tables = reader.tables(document)
    if reader.problems:
        return sorted(reader.problems)
    return AccountsFile(_accounts(tables, base_dir), {dotted(path): lines.of(path) for path in _named((), document)})


def _named(path: KeyPath, table: dict[str, Any]) -> Iterator[KeyPath]:
    """Every key of a table and of those in it, as tomllib read them."""
    for name, value in table.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from _named((*path, name), value)


def _accounts(tables: dict[str, dict[str, dict[str, Any]]], base_dir: Path) -> Accounts:
    feeds = {}
    for account, values in tables["advertisers"].items():
        feed = values.pop("feed", None)
        if feed is not None:
            feeds[account] = Feed(advertiser=account, **feed | {"source": _absolute(feed["source"], base_dir)})
    nouns = {
        table.name: {account: table.noun(id=account, **values) for account, values in tables[table.name].items()}
        for table in TABLES
    }
    return Accounts(feeds=feeds, **nouns)


def _absolute(source: str, base_dir: Path) -> str:
    # Without asking the disk, so that a feed may come later.
    return source if "://" in source else os.path.abspath(base_dir / source)  # noqa: PTH100


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


def _syntax_problem(error: Exception, lines: Lines) -> Problem:
    if isinstance(error, RecursionError):
        return Problem(0, "the file", "TOML", "brackets nested too deeply")
    said = str(error)
    position = re.search(r" \(at line (\d+), column \d+\)$", said)
    line = int(position[1]) if position else lines.count
    what = said.removesuffix(position[0]) if position else said.removesuffix(" (at end of document)")
    return Problem(line, lines.key_at(line), "TOML", f"an error in it: {what[:1].lower()}{what[1:]}")
