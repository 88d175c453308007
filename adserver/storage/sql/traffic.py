"""How many ads were asked for, hour by hour: what learned pacing goes by."""

from datetime import datetime

from sqlalchemy import Engine, func, select

from adserver.storage.sql.engine import reading
from adserver.storage.sql.tables import RollupHourRow


class SqlTraffic:
    """All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def requests(self, since: datetime, until: datetime) -> list[tuple[datetime, str, int]]:
        """(UTC hour, placement, requests, filled or not) of the hours from ``since`` up to, but not at, ``until``."""
        hour, placement = RollupHourRow.hour, RollupHourRow.placement
        query = select(hour, placement, func.sum(RollupHourRow.requests)).group_by(hour, placement)
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(hour >= since, hour < until))
            return sorted((when, where, int(count)) for when, where, count in rows if count)
