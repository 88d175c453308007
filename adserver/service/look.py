"""Who looks at a slot, as the decision may ask for it: each answer is worked out when it is asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from adserver.audience.ladder import rung_of
from adserver.collect.device import device_of
from adserver.decision.index import Booking, PlacementEntry
from adserver.decision.viewer import Viewer
from adserver.model.account import Advertiser, ConsentDefault
from adserver.model.consent import Verdict, may_store
from adserver.model.hit import Hit
from adserver.model.line_item import Device
from adserver.model.profile import Profile, Shopping
from adserver.model.reason import LineItemReason
from adserver.model.segment import Rung
from adserver.service.live import Live
from adserver.service.purse import Purse
from adserver.storage.interfaces import CatalogReader, CustomerLists

_GRANTED = Verdict.GRANTED  # an enumeration looks its members up slowly

Places = Callable[[str], frozenset[str]]
"""From an address to the country and subdivision it is in; empty where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a worker sees with: ``places`` tells where an address is."""

    live: Live
    catalogs: CatalogReader
    lists: CustomerLists
    purse: Purse
    places: Places
    consent_default: ConsentDefault

    def viewer(self, entry: PlacementEntry, hit: Hit, verdict: Verdict, visitor: str, profile: Profile) -> Viewer:
        """Who looks at one slot: ``visitor`` is empty, and ``profile`` too, for somebody who is not known."""
        look = _Look(self, hit, verdict, visitor, profile)
        now = int(hit.now)
        return Viewer(
            now,
            profile,
            visitor,
            _Rungs(entry, profile.shopping, now),
            look.has_consent,
            look.is_member,
            look.is_listed,
            look.arm_of,
            look.device,
            look.geo,
            look.is_fresh,
            look.can_pay,
            look.page_categories(entry),
        )

    def has_consent(self, advertiser: Advertiser, verdict: Verdict) -> bool:
        """Whether what the shop knows of the visitor may be used."""
        return may_store(verdict, advertiser.consent_default or self.consent_default)


class _Look:
    """One request and one visitor."""

    __slots__ = ("_device", "_geo", "_hit", "_now", "_profile", "_sight", "_verdict", "_visitor")

    def __init__(self, sight: Sight, hit: Hit, verdict: Verdict, visitor: str, profile: Profile) -> None:
        self._sight = sight
        self._hit = hit
        self._now = int(hit.now)
        self._verdict = verdict
        self._visitor = visitor
        self._profile = profile
        self._device: Device | None = None
        self._geo: frozenset[str] | None = None

    def has_consent(self, advertiser: Advertiser) -> bool:
        return self._verdict is _GRANTED or self._sight.has_consent(advertiser, self._verdict)

    def is_member(self, segment: str) -> bool:
        return self._sight.live.rules.is_member(segment, self._profile, self._now)

    def is_listed(self, ref: int, customer_list: str) -> bool:
        mail = self._profile.mails.get(ref)
        return mail is not None and self._sight.lists.is_listed(ref, customer_list, mail)

    def arm_of(self, experiment: str) -> str:
        snapshot = self._sight.live.snapshot
        found = snapshot.accounts.experiments.get(experiment) if snapshot else None
        return self._sight.live.assigner.arm_of(self._visitor, found) if found and self._visitor else ""

    def device(self) -> Device:
        if self._device is None:
            self._device = device_of(self._hit.user_agent, self._hit.mobile)
        return self._device

    def geo(self) -> frozenset[str]:
        if self._geo is None:
            self._geo = self._sight.places(self._hit.address)
        return self._geo

    def page_categories(self, entry: PlacementEntry) -> frozenset[str]:
        named = self._hit.fields.get("cat", ())
        return frozenset(entry.placement.categories).union(named) if named else entry.categories

    def is_fresh(self, booking: Booking) -> bool:
        """Whether prices and stock are young enough to be shown; those whose age nobody knows are."""
        if not booking.max_age_s:
            return True
        checked_at = self._sight.catalogs.checked_at(booking.advertiser.ref)
        return not checked_at or self._now - checked_at <= booking.max_age_s

    def can_pay(self, booking: Booking) -> LineItemReason | None:
        return self._sight.purse.check(booking, self._now)


class _Rungs(Mapping[int, Rung]):
    """By the ``ref`` of each advertiser of the placement where the visitor stands on one."""

    __slots__ = ("_entry", "_now", "_shopping")

    def __init__(self, entry: PlacementEntry, shopping: Mapping[int, Shopping], now: int) -> None:
        self._entry = entry
        self._shopping = shopping
        self._now = now

    def __getitem__(self, ref: int) -> Rung:
        days = self._entry.by_advertiser[ref][0].advertiser.segment_days
        rung = rung_of(self._shopping[ref], self._now, days)
        if rung is None:
            raise KeyError(ref)
        return rung

    def __iter__(self) -> Iterator[int]:
        return (ref for ref in self._shopping if ref in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
