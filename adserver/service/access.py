"""Who may do what with an API key."""

from adserver.model.access import Scope, ScopeKind, scope_of
from adserver.service.live import Live


class CheckKey:
    """Looks a presented key up among the live ones of the snapshot: a revoked one is gone within a moment."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def is_operator(self, secret: str) -> bool:
        """Whether ``secret`` is a live operator key."""
        scope = self.scope(secret)
        return scope is not None and scope.kind is ScopeKind.OPERATOR

    def scope(self, secret: str) -> Scope | None:
        """What ``secret`` opens; None where it is no live key."""
        snapshot = self._live.snapshot
        return scope_of(secret, snapshot.keys) if snapshot else None
