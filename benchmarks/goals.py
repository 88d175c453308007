"""What the fast lane is to reach, within one run."""

from dataclasses import dataclass

from benchmarks.report import Result


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted, and what was found; ``at_most``: less is better."""

    what: str
    wanted: float
    found: float | None
    at_most: bool = False
    unit: str = "x"

    @property
    def reached(self) -> bool | None:
        """None where nothing was found."""
        if self.found is None:
            return None
        return self.found <= self.wanted if self.at_most else self.found >= self.wanted


def goals(result: Result) -> list[Goal]:
    """What the fast lane is to reach, within this run."""
    rows = {(row.server, row.endpoint): row for row in result.rows}
    half = {(p.server, p.endpoint): p.latency_ms["p99"] for p in result.points if p.load == 0.5}

    def against(peer: str, endpoint: str) -> float | None:
        row = rows.get((peer, endpoint))
        return None if row is None else row.ratio

    share = rows["fast lane", "ad"].requests_per_s / rows["fast lane", "pixel"].requests_per_s
    return [
        Goal("pixel, against naive Starlette + redis.asyncio", 6.0, against("naive", "pixel")),
        Goal("pixel, against Fastify + ioredis", 1.5, against("fastify", "pixel")),
        Goal("pixel, against lean nginx + Lua", 1.0, against("nginx", "pixel")),
        Goal("ad, against naive Starlette + redis.asyncio", 4.0, against("naive", "ad")),
        Goal("ad, against lean nginx + Lua", 0.5, against("nginx", "ad")),
        Goal("ads per second, against pixels", 0.35, round(share, 2)),
        Goal("pixel, p99 at half of the peak", 3.0, half.get(("fast lane", "pixel")), at_most=True, unit="ms"),
        Goal("ad, p99 at half of the peak", 8.0, half.get(("fast lane", "ad")), at_most=True, unit="ms"),
        Goal(
            "processor time per request, two workers against one",
            1.18,
            result.processors.ratio if result.processors else None,
            at_most=True,
        ),
        Goal("p99 under 1.5 times the peak, against unloaded", 10.0, result.overload.p99_ratio, at_most=True),
        Goal(
            "all as before after the overload",
            result.overload.watched_s,
            result.overload.recovery_s,
            at_most=True,
            unit="s",
        ),
    ]
