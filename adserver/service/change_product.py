"""One product looked at, or changed at once, between two imports of its feed."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum, auto
from typing import Protocol

from adserver.catalog.change import changed, fields_of, settable
from adserver.catalog.history import continued
from adserver.catalog.problem import RowProblem
from adserver.model.access import ScopeKind
from adserver.model.account import Advertiser
from adserver.model.product import Product
from adserver.service.access import CheckKey
from adserver.service.live import Live
from adserver.storage.interfaces import CatalogWriter, StoreUnavailable
from adserver.telemetry import PRODUCT_CHANGES


class Refusal(Enum):
    """Why nothing was done."""

    UNKNOWN_KEY = auto()
    FOREIGN_ADVERTISER = auto()
    UNKNOWN_ADVERTISER = auto()
    UNKNOWN_PRODUCT = auto()
    UNAVAILABLE = auto()


Fields = Mapping[str, str]
"""A product as a feed has it, by Google Merchant's names."""

Flaws = Sequence[Mapping[str, str]]
"""What is wrong with a patch: of each flaw ``field``, ``code``, ``found``, ``expected`` and ``fix``."""


class Catalogs(Protocol):
    """All catalogs, each by its advertiser's ``ref``."""

    def begin(self, ref: int) -> Awaitable[CatalogWriter]:
        """What reads the catalog of ``ref`` as it is now; writes nothing by itself."""

    async def patch(
        self, ref: int, product_id: str, change: Callable[[Product], Product], *, says: Collection[str] = ()
    ) -> Product | None:
        """Change one product, and give it as it is then; None where there is none. ``says``: what an import that runs
        shall keep."""


class _RefusedChange(Exception):  # noqa: N818
    def __init__(self, problems: list[RowProblem]) -> None:
        super().__init__()
        self.problems = problems


class ChangeProduct:
    """Whoever has a key of the advertiser, or an operator's, may."""

    def __init__(self, live: Live, check_key: CheckKey, catalogs: Catalogs) -> None:
        self._live = live
        self._check_key = check_key
        self._catalogs = catalogs

    def advertiser(self, secret: str, advertiser_id: str) -> Advertiser | Refusal:
        """The advertiser, where ``secret`` is a key that may change its products.

        A key of another account hears the same of advertisers that are there and of those that are not.
        """
        snapshot = self._live.snapshot
        if snapshot is None:
            return Refusal.UNAVAILABLE
        scope = self._check_key.scope(secret)
        if scope is None:
            return Refusal.UNKNOWN_KEY
        if not scope.covers(ScopeKind.ADVERTISER, advertiser_id):
            return Refusal.FOREIGN_ADVERTISER
        return snapshot.accounts.advertisers.get(advertiser_id) or Refusal.UNKNOWN_ADVERTISER

    async def look(self, advertiser: Advertiser, product_id: str) -> Fields | Refusal:
        """The product as it is now."""
        try:
            catalog = await self._catalogs.begin(advertiser.ref)
            product = (await catalog.current([product_id])).get(product_id)
        except StoreUnavailable:
            return Refusal.UNAVAILABLE
        return Refusal.UNKNOWN_PRODUCT if product is None else fields_of(product)

    async def __call__(
        self, advertiser: Advertiser, product_id: str, patch: Mapping[str, object], now: int
    ) -> Fields | Refusal | Flaws:
        """Change what ``patch`` says (see ``catalog.change``) at ``now``, and give the whole product; or all that is
        wrong with the patch, and then nothing is changed."""

        def change(product: Product) -> Product:
            wanted = changed(product, patch)
            if not isinstance(wanted, Product):
                raise _RefusedChange(wanted)
            return wanted._replace(history=continued(product, wanted, now))

        if not patch:
            return await self.look(advertiser, product_id)
        try:
            says = settable(patch) | {"history"}
            product = await self._catalogs.patch(advertiser.ref, product_id, change, says=says)
        except _RefusedChange as refused:
            return [_flaw(problem) for problem in refused.problems]
        except StoreUnavailable:
            return Refusal.UNAVAILABLE
        if product is None:
            return Refusal.UNKNOWN_PRODUCT
        PRODUCT_CHANGES.inc()
        return fields_of(product)


def _flaw(problem: RowProblem) -> Mapping[str, str]:
    return {
        "field": problem.field,
        "code": problem.code,
        "found": problem.found,
        "expected": problem.expected,
        "fix": problem.fix,
    }
