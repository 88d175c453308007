"""Snapshots as bytes: JSON by msgspec, which reads it straight into the nouns."""

import msgspec

from adserver.model.snapshot import Snapshot

_DECODER = msgspec.json.Decoder(Snapshot)


def pack_snapshot(snapshot: Snapshot) -> bytes:
    """All accounts as one JSON object."""
    return msgspec.json.encode(snapshot)


def unpack_snapshot(packed: bytes) -> Snapshot:
    """The reverse. Keys this version does not know are left out, so old workers read new snapshots; keys that an older
    version did not write have their defaults."""
    return _DECODER.decode(packed)
