"""Who may do what with an API key."""

from adserver.model.access import ScopeKind, scope_of
from adserver.service.live import Live


class CheckKey:
    """Looks a presented key up among the live ones of the snapshot: a revoked one is gone within a moment."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def is_operator(self, secret: str) -> bool:
        """Whether ``secret`` is a live operator key."""
        snapshot = self._live.snapshot
        scope = scope_of(secret, snapshot.keys) if snapshot else None
        return scope is not None and scope.kind is ScopeKind.OPERATOR
