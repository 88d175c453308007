"""Slots of a cluster: which one a key has, and what the nodes say about who has which."""

from binascii import crc_hqx
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

SLOTS = 16_384

Place = tuple[str, int]
"""Host and port of a node, as the other nodes name it."""


def slot_of(key: str) -> int:
    """0 to 16383. Only the hash tag counts: what stands between the first ``{`` and the first ``}`` behind it, unless
    that is nothing."""
    begin = key.find("{") + 1
    if begin:
        end = key.find("}", begin)
        if end > begin:
            key = key[begin:end]
    return crc_hqx(key.encode(), 0) % SLOTS  # CRC16/XMODEM


@dataclass(frozen=True, slots=True)
class SlotRange:
    """Slots ``first`` to ``last``, both included, and who has them; the replicas are there for questions only."""

    first: int
    last: int
    primary: Place
    replicas: tuple[Place, ...]


def read_ranges(reply: object, asked: str) -> list[SlotRange]:
    """The reply to ``CLUSTER SLOTS``; ``asked`` is the host of the node that gave it. Ranges whose primary does not
    tell its address are left out. Raises ValueError for anything else than such a reply."""
    try:
        return list(_ranges(cast("list[Any]", reply), asked))
    except (TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError("no map of slots") from error


def _ranges(reply: list[Any], asked: str) -> Iterator[SlotRange]:
    for first, last, *nodes in reply:
        if not 0 <= first <= last < SLOTS:
            raise ValueError("no slots")
        primary, *replicas = [_place(node[0], node[1], asked) for node in nodes]
        if primary is not None:
            yield SlotRange(first, last, primary, tuple(place for place in replicas if place is not None))


def read_redirect(error: str, answered: str) -> tuple[int, Place]:
    """Slot and node of ``MOVED 3999 127.0.0.1:6381`` or ``ASK ...``; ``answered`` is the host of the node that said
    so, which it leaves out where the other one has the same. Raises ValueError."""
    _, slot, where = error.split(" ", 2)
    host, _, port = where.rpartition(":")
    place = _place(host.encode(), int(port), answered)
    if not 0 <= int(slot) < SLOTS or place is None:
        raise ValueError("no slot or no node")
    return int(slot), place


def _place(host: bytes | None, port: int, asked: str) -> Place | None:
    """None for a node that does not know its own name yet."""
    if not 0 < port < 65_536:
        raise ValueError("no port")
    return None if host == b"?" else ((host or b"").decode() or asked, port)
