"""Accounts, API keys, the revision counter and hourly rollups."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATUS = "status IN ('active', 'paused')"


def upgrade() -> None:
    """Forward."""
    _accounts()
    _access()
    _reporting()


def downgrade() -> None:
    """Back to nothing."""
    for table in (
        "stream_offset",
        "rollup_hour",
        "revision",
        "api_key",
        "placement",
        "publisher",
        "line_item",
        "campaign",
        "feed",
        "advertiser",
    ):
        op.drop_table(table)


def _accounts() -> None:
    op.create_table(
        "advertiser",
        sa.Column("ref", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("domains", sa.JSON(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("locale", sa.String(64), nullable=False),
        sa.Column("consent_default", sa.String(16)),
        sa.CheckConstraint("consent_default IN ('deny', 'allow')", name=op.f("ck_advertiser_consent_default")),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_advertiser")),
        sa.UniqueConstraint("id", name=op.f("uq_advertiser_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "feed",
        sa.Column("advertiser_ref", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True)),
        sa.Column("products", sa.Integer()),
        sa.Column("last_error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["advertiser_ref"], ["advertiser.ref"], name=op.f("fk_feed_advertiser_ref"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("advertiser_ref", name=op.f("pk_feed")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("advertiser_ref", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("holdout", sa.Double(), nullable=False),
        sa.CheckConstraint(_STATUS, name=op.f("ck_campaign_status")),
        sa.CheckConstraint("holdout >= 0 AND holdout <= 1", name=op.f("ck_campaign_holdout")),
        sa.ForeignKeyConstraint(["advertiser_ref"], ["advertiser.ref"], name=op.f("fk_campaign_advertiser_ref")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_index(op.f("ix_campaign_advertiser_ref"), "campaign", ["advertiser_ref"])
    op.create_table(
        "line_item",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("campaign", sa.String(64), nullable=False),
        sa.Column("creative", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.CheckConstraint(_STATUS, name=op.f("ck_line_item_status")),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_line_item_campaign")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_item")),
    )
    op.create_index(op.f("ix_line_item_campaign"), "line_item", ["campaign"])
    op.create_table(
        "publisher",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("domains", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publisher")),
    )
    op.create_table(
        "placement",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("publisher", sa.String(64), nullable=False),
        sa.Column("size", sa.String(9), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.CheckConstraint(_STATUS, name=op.f("ck_placement_status")),
        sa.ForeignKeyConstraint(["publisher"], ["publisher.id"], name=op.f("fk_placement_publisher")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement")),
    )
    op.create_index(op.f("ix_placement_publisher"), "placement", ["publisher"])


def _access() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("scope_kind", sa.String(16), nullable=False),
        sa.Column("scope_id", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(8), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("scope_kind IN ('advertiser', 'publisher', 'operator')", name=op.f("ck_api_key_scope_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_api_key_prefix"), "api_key", ["prefix"])
    revision_table = op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_revision_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    op.bulk_insert(revision_table, [{"id": 1, "value": 0}])


def _reporting() -> None:
    op.create_table(
        "rollup_hour",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("line_item", sa.Text(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "line_item", "placement", "reason", name=op.f("pk_rollup_hour")),
    )
    op.create_table(
        "stream_offset",
        sa.Column("stream", sa.String(200), nullable=False),
        sa.Column("last_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_stream_offset")),
    )
