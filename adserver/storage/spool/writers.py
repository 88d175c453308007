"""Names under which batches of the event stream are numbered, so that none is written twice and none is left out."""

import secrets
from itertools import count


class Writer:
    """A name and the number of its last batch."""

    __slots__ = ("name", "number")

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = 0


class Writers:
    """Lends names to batches, each to one batch at a time.

    Valkey remembers the highest number per name and ignores what is not above it. A name whose batch is under way is
    therefore never used for a second one: whichever way the two took, the later could overtake the earlier, which would
    then be taken for written. A name whose batch may or may not have been written is not given back, and so belongs to
    that batch for ever. There are about as many names as there are ever batches under way at once.
    """

    def __init__(self) -> None:
        self._process = secrets.token_hex(8)
        self._serial = count(1)
        self._free: list[Writer] = []

    def take(self) -> Writer:
        """A name with the next number of its own."""
        writer = self._free.pop() if self._free else Writer(f"{self._process}-{next(self._serial)}")
        writer.number += 1
        return writer

    def give_back(self, writer: Writer) -> None:
        """Its batch was written, or certainly not."""
        self._free.append(writer)
