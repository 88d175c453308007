"""What the server fetches from the web: feeds and pictures, and never from inside its own network.

``fetcher.Fetcher`` fetches. ``target`` reads a URL, ``networks`` and ``allowed`` say which addresses may be asked,
``guard`` connects to an address that was checked and to no other, ``download`` keeps the limits.
"""

from adserver.storage.fetch.allowed import Allowed
from adserver.storage.fetch.fetcher import Fetcher
from adserver.storage.fetch.limits import Limits
from adserver.storage.fetch.source import Source, Validators

__all__ = ["Allowed", "Fetcher", "Limits", "Source", "Validators"]
