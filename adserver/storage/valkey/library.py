"""The function library as it is loaded into Valkey: its source, its version, the names of its functions."""

import hashlib
from functools import cached_property
from importlib.resources import files

_HEAD = "#!lua name=adserver_{version}\n"


class Library:
    """One version of ``functions.lua``. The version is a hash of the source and part of every name, so the libraries
    of two versions of the server live side by side during a rolling deploy."""

    def __init__(self) -> None:
        source = files(__package__).joinpath("functions.lua").read_text("utf-8")
        self.version = hashlib.sha256(source.encode()).hexdigest()[:8]
        self.source = _HEAD.format(version=self.version) + source.replace("VERSION", self.version)

    def name(self, function: str) -> str:
        """The name under which this version's ``function`` is called."""
        return self._names.get(function) or self._names.setdefault(function, f"{function}_{self.version}")

    @cached_property
    def _names(self) -> dict[str, str]:
        return {}
