"""What a worker holds of one line item's money, and what it knows of the rest."""

from math import ceil
from zoneinfo import ZoneInfo

from adserver.decision.index import Booking
from adserver.decision.pacing import Plan, plan_day
from adserver.model.budget import Curve, Lent, Terms
from adserver.model.decision import Charge
from adserver.model.line_item import Budget
from adserver.model.reason import LineItemReason

AHEAD_S = 2.0
"""A pocket holds what is used in so many seconds."""

REFUSED_S = {LineItemReason.TOTAL_BUDGET: 2.0, LineItemReason.DAILY_BUDGET: 2.0, LineItemReason.PACING: 1.0}
"""How long after a refusal nobody asks again."""

LOOK_S = 1.0
"""How long a look at what clicks may still cost is good for."""

FADING = 0.7
"""What is left of the rate of use after a round without any."""


class Pocket:
    """``left`` micros of ``lease`` may be promised until ``use_until``. ``reason`` holds until ``quiet_until``. For
    clicks nothing is held: ``open_until`` there is money for one more. All times are seconds since 1970."""

    __slots__ = (
        "began",
        "booking",
        "lease",
        "left",
        "line_item",
        "missing",
        "open_until",
        "plan",
        "price",
        "quiet_until",
        "rate",
        "reason",
        "taken",
        "use_until",
        "used_at",
        "want",
    )

    def __init__(self, booking: Booking, now: float) -> None:
        self.lease = f"{booking.line_item.ref}."
        self.left = 0
        self.use_until = 0.0
        self.open_until = 0.0
        self.want = self.taken = 0
        self.rate = 0.0
        self.used_at = now
        self.began: int | None = None
        self.missing = False
        self.book(booking)

    def book(self, booking: Booking) -> None:
        """Begin anew with what the accounts say now; the money stays."""
        self.booking = booking
        self.line_item = booking.line_item
        self.price = booking.micros
        self.plan: Plan | None = None
        self.reason: LineItemReason | None = None
        self.quiet_until = self.open_until = 0.0

    def holds(self, now: float) -> bool:
        """Whether the price of one impression could be taken."""
        return self.left >= self.price and now < self.use_until

    def take(self, now: float) -> Charge | None:
        """The price of one impression; None where the pocket has not got that."""
        if self.left < self.price or now >= self.use_until:
            return None
        self.left -= self.price
        self.taken += self.price
        return Charge(self.lease, self.price)

    def terms(self, now: float, curve: Curve) -> Terms:
        """On what terms money is asked for at ``now``."""
        plan = self.plan
        if plan is None or not plan.start <= now < plan.end:
            zone = ZoneInfo(self.booking.advertiser.time_zone)
            plan = self.plan = plan_day(now, self.line_item, zone, self.began or 0)
        return terms_of(self.line_item.budget or Budget(), plan, plan.share(now, curve), self.price)

    def hear(self, lent: Lent, now: float) -> None:
        """What the ledger said."""
        self.missing = lent.ledger is None
        if lent.ledger is None:
            self.began, self.plan = None, None
        elif lent.ledger.began != self.began:
            self.began, self.plan = lent.ledger.began, None
        self.left += lent.micros
        self.reason = LineItemReason.PACING if lent.ledger is None else lent.reason
        if self.reason is not None:
            self.quiet_until, self.open_until = now + REFUSED_S[self.reason], 0.0
        else:
            self.quiet_until, self.open_until = 0.0, now + LOOK_S

    def measure(self, seconds: float, now: float) -> int:
        """Micros more than is needed, below zero for less, by the use of the last ``seconds``."""
        if self.taken > 0:
            self.used_at = now
        self.rate = max(self.taken / seconds, self.rate * FADING)
        self.taken = 0
        self.want = max(self.price, ceil(self.rate * AHEAD_S))
        if now - self.used_at > 2 * AHEAD_S:
            return self.left
        if self.left < self.want / 2 or self.left > 2 * self.want + self.price:
            return self.left - self.want
        return 0


def terms_of(budget: Budget, plan: Plan, share: float, price: int) -> Terms:
    """The limits of a budget on the day of ``plan``."""
    return Terms(budget.total, budget.daily, plan.number, share, price)
