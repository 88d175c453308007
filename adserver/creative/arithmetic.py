"""Sums in style sheets."""


class Arithmetic:
    """The four operations and brackets of ``calc()``."""

    def __init__(self, tokens: list[str | float]) -> None:
        self._tokens = tokens
        self._next = 0

    def value(self) -> float | None:
        """None for what is no sum."""
        try:
            found = self._sum()
        except (IndexError, ZeroDivisionError, TypeError, ValueError, RecursionError, OverflowError):
            return None
        return found if self._next == len(self._tokens) else None

    def _sum(self) -> float:
        found = self._product()
        while self._peek() in ("+", "-"):
            found = found + self._product() if self._take() == "+" else found - self._product()
        return found

    def _product(self) -> float:
        found = self._single()
        while self._peek() in ("*", "/"):
            found = found * self._single() if self._take() == "*" else found / self._single()
        return found

    def _single(self) -> float:
        taken = self._take()
        if taken == "-":
            return -self._single()
        if taken == "(":
            found = self._sum()
            if self._take() != ")":
                raise ValueError
            return found
        return float(taken)

    def _peek(self) -> str | float | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self) -> str | float:
        token = self._tokens[self._next]
        self._next += 1
        return token
