"""What the control plane publishes and every worker holds: one immutable, versioned view of all accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adserver.model.access import Scope
from adserver.model.account import Accounts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``revision`` grows with every change. ``keys`` maps the SHA-256 (hex) of each live API key to its scope. Visitors
    are dealt to control groups and arms by ``salt``, which never changes."""

    revision: int
    accounts: Accounts
    keys: Mapping[str, Scope] = field(default_factory=dict)
    salt: str = ""
