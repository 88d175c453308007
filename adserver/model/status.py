"""Whether something that was booked runs."""

from enum import StrEnum


class Status(StrEnum):
    """Whether a campaign, line item or placement takes part in decisions."""

    ACTIVE = "active"
    PAUSED = "paused"
