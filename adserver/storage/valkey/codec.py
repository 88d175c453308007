"""Snapshots as bytes: JSON by orjson."""

from dataclasses import asdict
from typing import Any

import orjson

from adserver.model.access import Scope, ScopeKind
from adserver.model.account import (
    Accounts,
    Advertiser,
    Campaign,
    Cap,
    ConsentDefault,
    Feed,
    LineItem,
    Placement,
    Publisher,
    Status,
    StrikeThrough,
)
from adserver.model.snapshot import Snapshot


def pack_snapshot(snapshot: Snapshot) -> bytes:
    """All accounts as one JSON object."""
    return orjson.dumps(asdict(snapshot))


def unpack_snapshot(packed: bytes) -> Snapshot:
    """The reverse. Keys this version does not know are left out, so old workers read new snapshots; keys that an older
    version did not write have their defaults."""
    body = orjson.loads(packed)
    accounts: dict[str, dict[str, dict[str, Any]]] = body["accounts"]
    return Snapshot(
        revision=body["revision"],
        accounts=Accounts(
            advertisers=_table(
                accounts["advertisers"],
                Advertiser,
                domains=tuple,
                consent_default=_consent_default,
                strike_through=_strike_through,
            ),
            feeds=_table(accounts["feeds"], Feed),
            campaigns=_table(accounts["campaigns"], Campaign, status=Status),
            line_items=_table(accounts["line_items"], LineItem, status=Status, caps=_caps),
            publishers=_table(accounts["publishers"], Publisher, domains=tuple),
            placements=_table(accounts["placements"], Placement, status=Status),
        ),
        keys=_table(body["keys"], Scope, kind=ScopeKind),
    )


def _consent_default(value: str | None) -> ConsentDefault | None:
    return None if value is None else ConsentDefault(value)


def _strike_through(value: str | None) -> StrikeThrough | None:
    return None if value is None else StrikeThrough(value)


def _caps(value: list[dict[str, int]]) -> tuple[Cap, ...]:
    return tuple(Cap(cap["limit"], cap["window_s"]) for cap in value)


def _table(rows: dict[str, dict[str, Any]], noun: Any, /, **convert: Any) -> dict[str, Any]:
    names = noun.__dataclass_fields__
    return {
        row_id: noun(
            **{name: convert[name](value) if name in convert else value for name, value in row.items() if name in names}
        )
        for row_id, row in rows.items()
    }
