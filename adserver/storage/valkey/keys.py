"""Every key there is. The part in braces is the hash tag, so each key has one slot of a cluster that tells what it is.

No key holds bytes that a client chose: visitor ids are ours and signed, everything else is a number of ours.
"""

SNAPSHOT = "snapshot:{control}"
"""Hash: ``revision``, ``body`` (JSON)."""

RATES = "rates:{control}"
"""Hash: ``version``, a digest of ``body``: what was learned of clicks (JSON)."""

CATALOGS = "catalogs:{control}"
"""Hash: advertiser ref -> version of its current catalog; ``swaps`` counts all swaps, ``latest`` is the version
that came last: another one each time, also after the count began anew with an empty Valkey."""

CHECKED = "checked:{control}"
"""Hash: advertiser ref -> when its feed was last found good, in seconds since 1970."""

CHANGES = "changes:{control}"
"""Stream: what workers have to hear of. ``ref``, and for one changed product ``id`` and ``group`` as well; without them
look at CATALOGS and CHECKED again."""

EVENTS = "events:{0}"
"""Stream: one entry per tick and worker, field ``b`` is a JSON array of log records."""

MISSED_LEDGERS = "missed:{control}"
"""Set: refs of line items of which a worker found no ledger, for the background worker to fill."""

CURVES = "curves:{control}"
"""Hash: line item ref -> the shares of yesterday's traffic by the end of each hour, separated by blanks."""


def batch_marker(writer: str) -> str:
    """String: number of the last batch that one writer appended to the stream; in the stream's slot."""
    return f"batch:{{0}}:{writer}"


def visitor(visitor_id: str) -> str:
    """Hash: all that is known of one visitor."""
    return f"u:{{{visitor_id}}}"


ALL_VISITORS = "u:{*}"
"""The pattern of the keys of all visitors."""


def billed(decision_id: str) -> str:
    """Hash: what of one decision was counted."""
    return f"b:{{{decision_id}}}"


def visitor_ties(digest: str) -> str:
    """List: which pictures of ads one visitor was shown last, and where clicks on them go."""
    return f"t:{{v{digest}}}"


def placement_ties(digest: str, shelf: int) -> str:
    """List: the same of some of the pictures that strangers were shown in one placement; each names what it is tied
    to."""
    return f"t:{{p{digest}.{shelf}}}"


def tied_to(digest: str) -> str:
    """String: what pictures of strangers are tied to, many to one."""
    return f"t:{{w{digest}}}"


def products(ref: int, version: int) -> str:
    """Hash: product id -> packed product, for one version of an advertiser's catalog."""
    return f"catalog:{{{ref}}}:{version}:products"


def groups(ref: int, version: int) -> str:
    """Hash: item group -> ``1`` or ``0`` for whether one of them is in stock, then ids of some of its products, one a
    line. Groups that have the name of a product are not among them."""
    return f"catalog:{{{ref}}}:{version}:groups"


def head(ref: int, version: int) -> str:
    """String: format of the version's products, one byte, then the dictionary they are compressed with."""
    return f"catalog:{{{ref}}}:{version}:head"


def catalog(ref: int, version: int) -> tuple[str, str, str]:
    """All keys of one version: products, groups, head."""
    return products(ref, version), groups(ref, version), head(ref, version)


def legacy_catalog(ref: int, version: int) -> str:
    """Hash: where a server of an earlier format had the products of a version. Nothing reads it."""
    return f"catalog:{{{ref}}}:{version}"


def patches(ref: int) -> str:
    """Stream: changes of single products in the last hour, for imports that began before them. ``id``, ``change``."""
    return f"patches:{{{ref}}}"


def related(ref: int, kind: str) -> str:
    """Hash: product of an advertiser -> its packed standing among those ``viewed``, or ``bought``."""
    return f"related:{{{ref}}}:{kind}"


def popular(ref: int, kind: str) -> str:
    """String: the advertiser's most wanted products of that kind, packed."""
    return f"popular:{{{ref}}}:{kind}"


def budget(ref: int) -> str:
    """Hash: the ledger of one line item, what is spent and what is held by which lease."""
    return f"budget:{{{ref}}}"


def customer_list(ref: int) -> str:
    """String: the version of a customer list, eight bytes, then how its hashes begin, sorted, eight bytes each."""
    return f"list:{{{ref}}}"


ALL_CUSTOMER_LISTS = "list:{*}"
"""The pattern of the keys of all lists."""
