"""What the server fetches from the web: feeds and pictures, and never from inside its own network.

``fetcher.Fetcher`` fetches. ``target`` reads a URL, ``networks`` and ``allowed`` say which addresses may be asked,
``guard`` connects to an address that was checked and to no other, ``download`` keeps the limits.
"""

from typing import TYPE_CHECKING, Any

from adserver.storage.fetch.allowed import Allowed
from adserver.storage.fetch.limits import Limits
from adserver.storage.fetch.source import Source, Validators

if TYPE_CHECKING:
    from adserver.storage.fetch.fetcher import Fetcher

__all__ = ["Allowed", "Fetcher", "Limits", "Source", "Validators"]


def __getattr__(name: str) -> Any:
    """``Fetcher`` brings an HTTP client along, which most who name a source or what is allowed never use."""
    if name != "Fetcher":
        raise AttributeError(name)
    from adserver.storage.fetch.fetcher import Fetcher

    return Fetcher
