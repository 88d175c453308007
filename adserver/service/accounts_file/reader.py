"""The parsed document, walked along ``TABLES``."""

import re
from typing import Any

from adserver.model.account import ACCOUNT_ID_PATTERN
from adserver.service.accounts_file.keys import ID, Key
from adserver.service.accounts_file.lines import Lines
from adserver.service.accounts_file.problem import KeyPath, Problem, dotted, nearest, shown
from adserver.service.accounts_file.tables import TABLES
from adserver.service.accounts_file.wrong import Wrong, found_in

_MOST_HINTS = 100
"""Near names are looked for in so many wrong names of a file, not in all of a hundred thousand."""


class Reader:
    """Walks a document along ``TABLES`` and collects what is wrong."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.problems: list[Problem] = []

    def tables(self, document: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
        """Table -> id -> field -> value, of the keys that are named; only of use when there are no problems."""
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
        for key in keys:
            if key.name not in raw and not key.optional:
                self._refuse((*path, key.name), key.expected, None)
        named = [key for key in keys if key.name in raw]
        return {key.field or key.name: self._value((*path, key.name), raw[key.name], key) for key in named}

    def _value(self, path: KeyPath, value: Any, key: Key) -> object:
        if key.empty and value == {}:
            return None
        checked = self._checked(path, value, key)
        if isinstance(checked, Wrong):
            self._refuse_part(path, value, key, checked)
        return checked

    def _checked(self, path: KeyPath, value: Any, key: Key) -> object:
        if not key.keys:
            return key.check(value)
        before = len(self.problems)
        fields = self._table(path, key.expected, value, key.keys)
        return key.check(fields) if len(self.problems) == before else fields

    def _refuse_part(self, path: KeyPath, value: Any, key: Key, wrong: Wrong) -> None:
        """A place in an array has its own line, but is not told as a part of the key where the key ends there."""
        place = (*path, *map(str, wrong.at))
        named = len(wrong.at)
        while named and isinstance(wrong.at[named - 1], int):
            named -= 1
        told = (*path, *map(str, wrong.at[:named]))
        expected = f"{wrong.expected or key.expected}{wrong.hint}"
        self.problems.append(Problem(self._lines.of(place), dotted(told), expected, shown(found_in(value, wrong))))

    def _unknown(self, path: KeyPath, raw: dict[str, Any], known: list[str]) -> None:
        for name in raw.keys() - set(known):
            hint = nearest(name, known) if len(self.problems) < _MOST_HINTS else ""
            self._refuse((*path, name), f"one of {', '.join(known)}{hint}", name)

    def _refuse(self, path: KeyPath, expected: str, found: object) -> None:
        self.problems.append(Problem(self._lines.of(path), dotted(path), expected, shown(found)))
