"""How long and how much: nobody on the other side of a connection may keep us for ever or fill our disk."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one fetch over all its redirects; seconds and bytes."""

    connect_s: float = 10.0
    """To look the name up, and again to connect."""

    answer_s: float = 120.0
    """Until the head of the answer is complete: some shops make their feed while we wait."""

    pause_s: float = 30.0
    """Between two pieces of the body, and the stretch over which ``bytes_per_s`` is measured."""

    total_s: float = 900.0
    bytes_per_s: int = 1_024
    max_bytes: int = 4 * 1024**3
