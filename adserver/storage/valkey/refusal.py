"""What Valkey has not done, and how sure that is."""

from hiredis import ReplyError

from adserver.storage.interfaces import StoreUnavailable

_BEFORE = {
    *("LOADING", "BUSY", "READONLY", "OOM", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN"),
    *("MOVED", "ASK", "TRYAGAIN", "NOAUTH", "NOPERM"),
}
"""A server says so before it begins; with every other word a function may have stopped half-way."""

_LASTING = {"ERR", "WRONGTYPE", "CROSSSLOT"}
"""It is the call that is wrong: it would be refused for ever."""


def refused(text: str) -> StoreUnavailable:
    """For a call that Valkey has certainly not carried out."""
    error = StoreUnavailable(text)
    error.ambiguous = False
    return error


def refusal_of(reply: ReplyError) -> StoreUnavailable:
    """Its text may hold a key, its first word does not."""
    word = str(reply).partition(" ")[0]
    error = StoreUnavailable(f"Valkey refused: {word}")
    missing = is_missing(reply)
    error.ambiguous = word not in _BEFORE and not missing
    error.lasting = word in _LASTING and not missing
    return error


def is_missing(reply: object) -> bool:
    """Whether the function that was called is not there."""
    return isinstance(reply, ReplyError) and "unction not found" in str(reply)
