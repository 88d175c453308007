"""Feeds have a schedule, guards and a history; what is in use of them is told apart from the account."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was imported stays known; the next look at each feed comes at once, as nobody knows the last one's bytes."""
    op.add_column("advertiser", sa.Column("strike_through", sa.String(16)))
    op.add_column("advertiser", sa.Column("color", sa.String(7)))
    op.add_column("feed", sa.Column("every_s", sa.Integer(), nullable=False, server_default="21600"))
    op.add_column("feed", sa.Column("max_age_s", sa.Integer(), nullable=False, server_default="604800"))
    op.add_column("feed", sa.Column("max_loss", sa.Double(), nullable=False, server_default="0.3"))
    op.add_column("feed", sa.Column("due_at", sa.DateTime(timezone=True)))
    op.add_column("feed", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    _catalog()
    _feed_import()
    for column in ("imported_at", "products", "last_error"):
        op.drop_column("feed", column)


def downgrade() -> None:
    """Schedules, guards and history are lost."""
    op.add_column("feed", sa.Column("imported_at", sa.DateTime(timezone=True)))
    op.add_column("feed", sa.Column("products", sa.Integer()))
    op.add_column("feed", sa.Column("last_error", sa.Text()))
    op.execute(
        "UPDATE feed SET"
        " imported_at = (SELECT imported_at FROM catalog WHERE catalog.advertiser_ref = feed.advertiser_ref),"
        " products = (SELECT products FROM catalog WHERE catalog.advertiser_ref = feed.advertiser_ref)"
    )
    op.drop_table("feed_import")
    op.drop_table("catalog")
    for column in ("failures", "due_at", "max_loss", "max_age_s", "every_s"):
        op.drop_column("feed", column)
    for column in ("color", "strike_through"):
        op.drop_column("advertiser", column)


def _catalog() -> None:
    op.create_table(
        "catalog",
        sa.Column("advertiser_ref", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("last_modified", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("products", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["advertiser_ref"], ["advertiser.ref"], name=op.f("fk_catalog_advertiser_ref"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("advertiser_ref", name=op.f("pk_catalog")),
    )
    op.execute(
        "INSERT INTO catalog (advertiser_ref, source, etag, last_modified, digest, currency, format, products,"
        " imported_at, checked_at) SELECT advertiser_ref, source, '', '', '', '', 0, products, imported_at, imported_at"
        " FROM feed WHERE imported_at IS NOT NULL AND products IS NOT NULL"
    )


def _feed_import() -> None:
    op.create_table(
        "feed_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("advertiser_ref", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["advertiser_ref"], ["advertiser.ref"], name=op.f("fk_feed_import_advertiser_ref"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_import")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_feed_import_advertiser_ref"), "feed_import", ["advertiser_ref"])
