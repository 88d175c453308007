"""Line items get numbers that visitor keys can carry, and frequency caps."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEPT = ("id", "campaign", "creative", "status")


def upgrade() -> None:
    """Line items that are there are numbered in the order of their ids, and have no caps."""
    rows = _taken_out()
    table = op.create_table(
        "line_item",
        sa.Column("ref", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        *_columns(),
        sa.Column("caps", sa.JSON(), nullable=False),
        *_constraints(),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_line_item")),
        sa.UniqueConstraint("id", name=op.f("uq_line_item_id")),
        sqlite_autoincrement=True,
    )
    _put_back(table, [row | {"caps": []} for row in rows])


def downgrade() -> None:
    """Numbers and caps are lost."""
    rows = _taken_out()
    table = op.create_table(
        "line_item",
        sa.Column("id", sa.String(64), nullable=False),
        *_columns(),
        *_constraints(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_item")),
    )
    _put_back(table, rows)


# The table is made anew, because SQLite can not give a table another primary key.


def _taken_out() -> list[dict[str, Any]]:
    old = sa.table("line_item", *(sa.column(name) for name in _KEPT))
    rows = [dict(row) for row in op.get_bind().execute(sa.select(old)).mappings()]
    op.drop_table("line_item")
    return sorted(rows, key=lambda row: row["id"])  # databases do not agree on the order of letters


def _put_back(table: sa.Table, rows: list[dict[str, Any]]) -> None:
    op.create_index(op.f("ix_line_item_campaign"), "line_item", ["campaign"])
    op.bulk_insert(table, rows)


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("campaign", sa.String(64), nullable=False),
        sa.Column("creative", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
    ]


def _constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("status IN ('active', 'paused')", name=op.f("ck_line_item_status")),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_line_item_campaign")),
    ]
