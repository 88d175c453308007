"""Which HTTP protocol uvicorn runs: the fast lane, or the plain door where this uvicorn is not one we know.

Both of our protocols stand on uvicorn's inner parts. Where those have changed, the server must still start.
"""

import logging
from collections.abc import Mapping
from typing import Any

import uvicorn

from adserver.web.door import Door

KNOWN = (0, 54)
"""The uvicorn (major, minor) that the fast lane is tested with."""

log = logging.getLogger(__name__)


def protocol_settings(
    doors: Mapping[str, Door] | None, *, https_outside: bool = False, proxies: str = "", version: str = ""
) -> dict[str, Any]:
    """Settings for ``uvicorn.Config``. With ``doors`` their hot ones go through the fast lane; with None, everything
    goes through ASGI. ``version`` is uvicorn's own, if not given."""
    settings = {"ws": "none", "server_header": False, "date_header": True}
    try:
        _check_version(version or uvicorn.__version__)
        from adserver.web.fastlane import fast_lane
        from adserver.web.lanes import lanes_of
        from adserver.web.protocol import BoundedHttpProtocol
    except (ImportError, AttributeError) as error:
        log.warning("the plain door only, without its limits on slow clients and large heads: %s", error)
        return {"http": "auto", **settings}
    if doors is None:
        return {"http": BoundedHttpProtocol, **settings}
    return {"http": fast_lane(lanes_of(doors, https_outside=https_outside, proxies=proxies)), **settings}


def _check_version(version: str) -> None:
    if version.split(".")[:2] != [str(number) for number in KNOWN]:
        raise ImportError(f"uvicorn {version} is not the {KNOWN[0]}.{KNOWN[1]} that the fast lane knows")
