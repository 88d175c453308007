"""The parsed document, walked along ``TABLES``."""

import re
from typing import Any

from adserver.model.account import ACCOUNT_ID_PATTERN
from adserver.service.accounts_file.lines import Lines
from adserver.service.accounts_file.problem import KeyPath, Problem, dotted, nearest, shown
from adserver.service.accounts_file.tables import ID, REQUIRED, TABLES, Key
from adserver.service.accounts_file.values import Wrong

_MOST_HINTS = 100
"""Near names are looked for in so many wrong names of a file, not in all of a hundred thousand."""


class Reader:
    """Walks a document along ``TABLES`` and collects what is wrong."""

    def __init__(self, lines: Lines) -> None:
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
                    self._refuse(path, ID, account)
                found[table.name][account] = self._table(path, f"a table [{dotted(path)}]", row, table.keys)
        return found

    def _table(self, path: KeyPath, expected: str, raw: object, keys: tuple[Key, ...]) -> dict[str, Any]:
        if not isinstance(raw, dict):
            self._refuse(path, expected, raw)
            return {}
        self._unknown(path, raw, [key.name for key in keys])
        return {key.field or key.name: self._value((*path, key.name), raw, key) for key in keys}

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
            hint = nearest(name, known) if len(self.problems) < _MOST_HINTS else ""
            self._refuse((*path, name), f"one of {', '.join(known)}{hint}", name)

    def _refuse(self, path: KeyPath, expected: str, found: object, *, at: int | None = None) -> None:
        line = self._lines.of(path if at is None else (*path, str(at)))
        self.problems.append(Problem(line, dotted(path), expected, shown(found)))
