"""New random ids, out of randomness that is drawn ahead."""

import os
from base64 import urlsafe_b64encode

_DRAWN_BYTES = 6_144


class RandomIds:
    """Each call gives ``length`` characters of base64url, six random bits in each, that were never given before.

    The system is asked for many at once: a call of its own for each id is slow. Make it in the process that uses it.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._drawn = ""
        self._at = 0

    def __call__(self) -> str:
        """One id."""
        at = self._at
        if at + self._length > len(self._drawn):
            self._drawn = urlsafe_b64encode(os.urandom(_DRAWN_BYTES)).decode()
            at = 0
        self._at = at + self._length
        return self._drawn[at : self._at]
