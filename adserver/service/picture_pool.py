"""The processes that decode pictures of shops."""

from adserver.creative.picture_order import KINDS, ORDER, PictureRefused, Refusal
from adserver.service.process_pool import ProcessesBusy, ProcessLost, ProcessPool

PROCESSES = 2
"""Per worker. They run at a low priority, so that ads and pixels go first."""

DEADLINE_S = 10.0
"""For one picture, whose process may use two seconds of a processor and has to wait for it on a busy machine."""

IDLE_S = 60.0
"""A process without work ends after this."""


class PicturesBusy(Exception):  # noqa: N818
    """More pictures are asked for than can be made now."""


class PicturePool:
    """Makes pictures in processes of their own."""

    def __init__(self, processes: int = PROCESSES, *, deadline_s: float = DEADLINE_S, idle_s: float = IDLE_S) -> None:
        self.pool = ProcessPool(
            "adserver.creative.picture_process",
            work="decode",
            processes=processes,
            deadline_s=deadline_s,
            idle_s=idle_s,
        )

    async def make(self, raw: bytes, width: int, height: int, kind: str) -> bytes:
        """``raw`` as a ``kind`` of KINDS that fits ``width`` x ``height``, see ``creative.picture``. Raises
        PictureRefused, and PicturesBusy instead of letting too many wait."""
        try:
            made, body = await self.pool.ask(ORDER.pack(len(raw), width, height, KINDS.index(kind)) + raw)
        except ProcessesBusy as error:
            raise PicturesBusy from error
        except ProcessLost as error:
            raise PictureRefused(Refusal.HARMFUL) from error
        if not made:
            raise PictureRefused(Refusal(body.decode()))
        return body

    async def close(self) -> None:
        """Ends all processes, and returns when they have ended."""
        await self.pool.close()
