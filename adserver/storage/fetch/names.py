"""Looking a host name up."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port -> all of its addresses, the best first. Raises OSError for a name that nobody knows."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says; the lookup itself runs in a thread.

    Names below ``localhost`` are this machine as well (RFC 6761), which not every resolver knows.
    """
    asked = "localhost" if host.endswith(".localhost") else host
    found = await asyncio.get_running_loop().getaddrinfo(asked, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
