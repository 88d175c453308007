"""The tables. A column that carries a noun's field has the field's name; migrations follow this file."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_STATUS = "status IN ('active', 'paused')"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in and out, always UTC. SQLite knows no time zones and stores UTC without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """A naive value is a mistake of the program: ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The same moment, aware."""
        if value is None:
            return None
        moment: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment


class Base(DeclarativeBase):
    """Every constraint has a name, the same on all databases, so that a later migration can find it."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class AdvertiserRow(Base):
    """``ref`` is never given out twice, also after a removal: visitor keys carry it."""

    __tablename__ = "advertiser"
    __table_args__ = (
        CheckConstraint("consent_default IN ('deny', 'allow')", name="consent_default"),
        {"sqlite_autoincrement": True},
    )
    ref: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    domains: Mapped[list[str]] = mapped_column(JSON)
    currency: Mapped[str] = mapped_column(String(3))
    locale: Mapped[str] = mapped_column(String(64))
    consent_default: Mapped[str | None] = mapped_column(String(16))
    strike_through: Mapped[str | None] = mapped_column(String(16))
    color: Mapped[str | None] = mapped_column(String(7))
    time_zone: Mapped[str] = mapped_column(String(64), server_default="UTC")
    segment_days: Mapped[int] = mapped_column(Integer, server_default="30")
    caps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")


class FeedRow(Base):
    """What the account says of its feed, and when its turn is: ``due_at`` is None where it was never tried.

    ``failures`` counts the tries in vain since the last one that worked.
    """

    __tablename__ = "feed"
    advertiser_ref: Mapped[int] = mapped_column(
        ForeignKey("advertiser.ref", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    source: Mapped[str] = mapped_column(Text)
    every_s: Mapped[int] = mapped_column(Integer, server_default="21600")
    max_age_s: Mapped[int] = mapped_column(Integer, server_default="604800")
    max_loss: Mapped[float] = mapped_column(Double, server_default="0.3")
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, server_default="0")


class CatalogRow(Base):
    """What is in use, as the last good import left it. ``checked_at``: when the source was last found to be that.

    ``etag`` and ``last_modified`` are what the source says of this very content, ``digest`` is of its bytes, ``format``
    the number of our own form of a product that it was read into; empty or 0 where that is not known.
    """

    __tablename__ = "catalog"
    advertiser_ref: Mapped[int] = mapped_column(
        ForeignKey("advertiser.ref", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    source: Mapped[str] = mapped_column(Text)
    etag: Mapped[str] = mapped_column(Text)
    last_modified: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    format: Mapped[int] = mapped_column(Integer)
    products: Mapped[int] = mapped_column(Integer)
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FeedImportRow(Base):
    """One import, also while it runs (``ended_at`` is None): it holds its advertiser's turn up to ``alive_until``."""

    __tablename__ = "feed_import"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    advertiser_ref: Mapped[int] = mapped_column(ForeignKey("advertiser.ref", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    alive_until: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    report: Mapped[dict[str, Any]] = mapped_column(JSON)


class CampaignRow(Base):
    """What an advertiser booked."""

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint(_STATUS, name="status"),
        CheckConstraint("holdout >= 0 AND holdout <= 1", name="holdout"),
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    advertiser_ref: Mapped[int] = mapped_column(ForeignKey("advertiser.ref"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    holdout: Mapped[float] = mapped_column(Double)
    attribution: Mapped[dict[str, int]] = mapped_column(JSON, server_default="{}")
    caps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")


class SegmentRow(Base):
    """Visitors that a rule finds; ``rule`` is a Rule as an object."""

    __tablename__ = "segment"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    advertiser_ref: Mapped[int] = mapped_column(ForeignKey("advertiser.ref"), index=True)
    days: Mapped[int] = mapped_column(Integer)
    rule: Mapped[dict[str, Any]] = mapped_column(JSON)


class ProductSetRow(Base):
    """A part of a catalog; ``terms`` has all of its filters."""

    __tablename__ = "product_set"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    advertiser_ref: Mapped[int] = mapped_column(ForeignKey("advertiser.ref"), index=True)
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)


class ExperimentRow(Base):
    """An A/B test; ``arms`` maps names to weights."""

    __tablename__ = "experiment"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    advertiser_ref: Mapped[int] = mapped_column(ForeignKey("advertiser.ref"), index=True)
    arms: Mapped[dict[str, int]] = mapped_column(JSON)


class CustomerListRow(Base):
    """``ref`` is never given out twice. ``hashes`` are the first 8 bytes of each SHA-256, sorted, one after the other.

    It comes with an upload and not with the accounts file, and goes with its advertiser.
    """

    __tablename__ = "customer_list"
    __table_args__ = ({"sqlite_autoincrement": True},)
    ref: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    advertiser_ref: Mapped[int] = mapped_column(ForeignKey("advertiser.ref", ondelete="CASCADE"), index=True)
    version: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(Integer)
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class LineItemRow(Base):
    """``ref`` is never given out twice, also after a removal: visitor keys carry it.

    ``caps`` are Caps as objects; ``terms`` has every field of the noun that is no column here.
    """

    __tablename__ = "line_item"
    __table_args__ = (CheckConstraint(_STATUS, name="status"), {"sqlite_autoincrement": True})
    ref: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.id"), index=True)
    creative: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    caps: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    terms: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")


class PublisherRow(Base):
    """A partner site."""

    __tablename__ = "publisher"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    domains: Mapped[list[str]] = mapped_column(JSON)
    exclude_advertisers: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    click_hosts: Mapped[list[str]] = mapped_column(JSON, server_default="[]")


class PlacementRow(Base):
    """One slot of a publisher."""

    __tablename__ = "placement"
    __table_args__ = (CheckConstraint(_STATUS, name="status"),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    publisher: Mapped[str] = mapped_column(ForeignKey("publisher.id"), index=True)
    size: Mapped[str] = mapped_column(String(9))
    status: Mapped[str] = mapped_column(String(16))
    categories: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    no_history: Mapped[str] = mapped_column(String(16), server_default="house")


class ApiKeyRow(Base):
    """``hash`` is the SHA-256 of the secret in hexadecimal. ``scope_id`` outlives the account it names."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("scope_kind IN ('advertiser', 'publisher', 'operator')", name="scope_kind"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    label: Mapped[str] = mapped_column(String(200))
    scope_kind: Mapped[str] = mapped_column(String(16))
    scope_id: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(8), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RevisionRow(Base):
    """One row: counts the transactions that changed what is published. Its lock queues them as well. ``salt`` was drawn
    when the database was made: visitors are dealt to control groups and arms by it."""

    __tablename__ = "revision"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    value: Mapped[int] = mapped_column(BigInteger)
    salt: Mapped[str] = mapped_column(String(64), server_default="")


class RollupHourRow(Base):
    """Measures of one UTC hour. ``line_item`` and ``creative`` are empty where no ad was given, ``reason`` where one
    was. ``cost`` is in micros."""

    __tablename__ = "rollup_hour"
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    line_item: Mapped[str] = mapped_column(Text, primary_key=True)
    placement: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[str] = mapped_column(Text, primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    impressions: Mapped[int] = mapped_column(BigInteger)
    clicks: Mapped[int] = mapped_column(BigInteger)
    creative: Mapped[str] = mapped_column(String(64), primary_key=True, server_default="")
    cost: Mapped[int] = mapped_column(BigInteger, server_default="0")


class LiftHourRow(Base):
    """What the visitors of one arm did who were first met in one UTC hour, whenever they did it. ``name``: a campaign's
    id, or ``~`` and that of an experiment.

    ``exposed`` visitors were met, ``converted`` of them bought since; ``purchases`` and their ``value`` (micros) are
    all of theirs since then.
    """

    __tablename__ = "lift_hour"
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    arm: Mapped[str] = mapped_column(Text, primary_key=True)
    exposed: Mapped[int] = mapped_column(BigInteger)
    converted: Mapped[int] = mapped_column(BigInteger)
    purchases: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[int] = mapped_column(BigInteger)


class StreamOffsetRow(Base):
    """Up to which entry a stream is counted in ``rollup_hour``."""

    __tablename__ = "stream_offset"
    stream: Mapped[str] = mapped_column(String(200), primary_key=True)
    last_id: Mapped[str] = mapped_column(String(64))
