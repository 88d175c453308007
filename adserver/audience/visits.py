"""The visits that are going on: which products one visitor looked at, or bought, one after the other.

A visit is what one visitor does at one advertiser without a pause of more than ``PAUSE_S`` seconds. Of each kind
(viewed, bought) a product is new in it unless it is among the last ``REACH`` new ones; and it goes together with those.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from adserver.model.related import Kind

PAUSE_S = 86_400
"""A longer pause begins another visit."""

REACH = 10
"""A product goes together with so many before it."""

MOST_WAITING = 2 * REACH
"""So many products of one visit and kind wait to be learned from; of more, the oldest are left out."""

MOST_VISITS = 50_000
"""Visits that are remembered at once; the longest silent one goes first."""

MOST_CHARACTERS = 16_000_000
"""Of the ids that wait, all together, whatever somebody made up."""

KINDS = {"view_item": Kind.VIEWED, "add_to_cart": Kind.VIEWED, "purchase": Kind.BOUGHT}
"""What the events mean that name products; all others say too little about each of them."""

Visitor = tuple[str, str]
"""Advertiser id, and a few characters that tell its visitors apart."""

_NOBODY = " "
"""No tag begins like this."""


class Steps:
    """One kind of a visit: ``last`` new products, at most ``REACH``, and what came since, as it was named."""

    __slots__ = ("last", "waiting")

    def __init__(self) -> None:
        self.last: tuple[str, ...] = ()
        self.waiting: list[str] = []

    def add(self, products: Sequence[str]) -> int:
        """``products`` came, oldest first; by how many characters more wait now."""
        self.waiting.extend(products)
        dropped = self.waiting[:-MOST_WAITING]
        del self.waiting[:-MOST_WAITING]
        return _characters(products) - _characters(dropped)

    def learn(self, names: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each product that waits and is new, under its name in ``names`` (others are passed over), and those before
        it. Nothing waits then."""
        waiting, self.waiting = self.waiting, []
        for product in waiting:
            name = names.get(product)
            if name is not None and name not in self.last:
                yield name, self.last
                self.last = (*self.last[1 - REACH :], name)


class Visit:
    """One visit, last heard of at the second ``at``, and how many ``characters`` of it wait to be taken."""

    __slots__ = ("at", "characters", "steps")

    def __init__(self) -> None:
        self.at = 0.0
        self.characters = 0
        self.steps: dict[Kind, Steps] = {}


class Visits:
    """All of them, bounded. What waits longest is learned from first."""

    def __init__(self, *, most: int = MOST_VISITS, most_characters: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._most_characters = most_characters
        self._known: OrderedDict[Visitor, Visit] = OrderedDict()
        self._waiting: dict[Visit, Visitor] = {}
        self._characters = 0
        self._nameless = 0

    def __len__(self) -> int:
        return len(self._known)

    @property
    def waiting(self) -> int:
        """Visits in which something waits."""
        return len(self._waiting)

    def hear(self, kind: Kind, at: float, advertiser: str, tag: str, products: Sequence[str]) -> None:
        """Products that came at the second ``at``. Without a ``tag`` they are a visit of their own."""
        visitor = (advertiser, tag or self._nobody())
        visit = self._known.get(visitor)
        if visit is None or abs(at - visit.at) > PAUSE_S:
            visit = self._known[visitor] = Visit()
        visit.at = at
        steps = visit.steps.get(kind)
        if steps is None:
            steps = visit.steps[kind] = Steps()
        more = steps.add(products)
        visit.characters += more
        self._characters += more
        self._waiting.setdefault(visit, visitor)
        self._known.move_to_end(visitor)
        if len(self._known) > self._most:
            self._leave_out(self._known.popitem(last=False)[1])
        while self._characters > self._most_characters:
            self._leave_out(next(iter(self._waiting)))

    def take(self, most: int) -> list[tuple[str, Visit]]:
        """Advertiser and visit of at most ``most`` visits in which something waits; whoever takes them learns it."""
        taken = [(visit, visitor) for (visit, visitor), _ in zip(self._waiting.items(), range(most), strict=False)]
        for visit, visitor in taken:
            self._leave_out(visit)
            if visitor[1].startswith(_NOBODY):
                self._known.pop(visitor, None)
        return [(visitor[0], visit) for visit, visitor in taken]

    def _leave_out(self, visit: Visit) -> None:
        """Nobody waits for what waits in it."""
        if self._waiting.pop(visit, None):
            self._characters -= visit.characters
            visit.characters = 0

    def _nobody(self) -> str:
        self._nameless += 1
        return f"{_NOBODY}{self._nameless:x}"


def _characters(products: Sequence[str]) -> int:
    return sum(map(len, products))
