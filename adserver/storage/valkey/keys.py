"""Every key there is. The part in braces is the hash tag, so each key has one slot of a cluster that tells what it is.

No key holds bytes that a client chose: visitor ids are ours and signed, everything else is a number of ours.
"""

SNAPSHOT = "snapshot:{control}"
"""Hash: ``revision``, ``body`` (JSON)."""

CATALOGS = "catalogs:{control}"
"""Hash: advertiser ref -> version of its current catalog; ``swaps`` counts all swaps, ``latest`` is the version
that came last: another one each time, also after the count began anew with an empty Valkey."""

EVENTS = "events:{0}"
"""Stream: one entry per tick and worker, field ``b`` is a JSON array of log records."""


def batch_marker(writer: str) -> str:
    """String: number of the last batch that one writer appended to the stream; in the stream's slot."""
    return f"batch:{{0}}:{writer}"


def visitor(visitor_id: str) -> str:
    """Hash: all that is known of one visitor."""
    return f"u:{{{visitor_id}}}"


def billed(decision_id: str) -> str:
    """Hash: what of one decision was counted."""
    return f"b:{{{decision_id}}}"


def catalog(ref: int, version: int) -> str:
    """Hash: product id -> packed product, for one version of an advertiser's catalog."""
    return f"catalog:{{{ref}}}:{version}"
