"""The processes that draw banners as pictures."""

from collections.abc import Sequence
from pathlib import Path

from adserver.creative.raster.banner_picture import BannerNotDrawn, BannerPicture, packed
from adserver.service.picture_pool import PicturesBusy
from adserver.service.process_pool import ProcessesBusy, ProcessLost, ProcessPool

PROCESSES = 1
"""Per worker. A banner takes some milliseconds, and is drawn once."""

DEADLINE_S = 10.0
"""For one banner; the first one waits for its process to open all fonts."""

IDLE_S = 300.0
"""A process without work ends after this."""


class RasterPool:
    """Draws banners in processes of their own. ``folders`` hold folders of creatives, see ``layout.find_layouts``."""

    def __init__(
        self,
        folders: Sequence[Path],
        processes: int = PROCESSES,
        *,
        deadline_s: float = DEADLINE_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.pool = ProcessPool(
            "adserver.creative.raster.process",
            [str(folder) for folder in folders],
            work="draw",
            processes=processes,
            deadline_s=deadline_s,
            idle_s=idle_s,
        )

    async def draw(self, banner: BannerPicture) -> bytes:
        """A file of the banner's kind. Raises BannerNotDrawn, and PicturesBusy instead of letting too many wait."""
        try:
            made, body = await self.pool.ask(packed(banner))
        except ProcessesBusy as error:
            raise PicturesBusy from error
        except ProcessLost as error:
            raise BannerNotDrawn("its process died, or took too long") from error
        if not made:
            raise BannerNotDrawn(body.decode())
        return body

    async def close(self) -> None:
        """Ends all processes, and returns when they have ended."""
        await self.pool.close()
