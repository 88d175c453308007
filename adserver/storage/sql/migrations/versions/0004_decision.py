"""Whom, where, when, how often and for how much; segments, product sets, experiments, customer lists, lift."""

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_EMPTY_LIST, _EMPTY_OBJECT = sa.text("'[]'"), sa.text("'{}'")
_HOUR = ("hour", "line_item", "placement", "reason")
_SUMS = ("requests", "impressions", "clicks")


def upgrade() -> None:
    """What is there keeps its meaning: nothing new is asked of it. Counted hours have no creative and no cost."""
    for table, columns in _new_columns().items():
        for column in columns:
            op.add_column(table, column)
    salt = sa.table("revision", sa.column("salt")).update().values(salt=secrets.token_hex(16))
    op.execute(salt)  # from here on visitors are dealt by it, whatever becomes of the server's secret
    _audiences()
    _customer_lists()
    with op.batch_alter_table("rollup_hour") as hours:
        hours.add_column(sa.Column("creative", sa.String(64), nullable=False, server_default=""))
        hours.add_column(sa.Column("cost", sa.BigInteger(), nullable=False, server_default="0"))
        hours.drop_constraint("pk_rollup_hour", type_="primary")
        hours.create_primary_key("pk_rollup_hour", [*_HOUR, "creative"])
    op.create_table(
        "lift_hour",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("exposed", sa.BigInteger(), nullable=False),
        sa.Column("converted", sa.BigInteger(), nullable=False),
        sa.Column("purchases", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "name", "arm", name=op.f("pk_lift_hour")),
    )


def downgrade() -> None:
    """Everything new is lost; measures of the creatives of a line item are added up."""
    op.drop_table("lift_hour")
    _add_up_creatives()
    for table in ("customer_list", "experiment", "product_set", "segment"):
        op.drop_table(table)
    _plain_caps()
    for table, columns in _new_columns().items():
        for column in columns:
            op.drop_column(table, column.name)


def _new_columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "advertiser": (
            sa.Column("time_zone", sa.String(64), nullable=False, server_default="UTC"),
            sa.Column("segment_days", sa.Integer(), nullable=False, server_default="30"),
            sa.Column("caps", sa.JSON(), nullable=False, server_default=_EMPTY_LIST),
        ),
        "campaign": (
            sa.Column("attribution", sa.JSON(), nullable=False, server_default=_EMPTY_OBJECT),
            sa.Column("caps", sa.JSON(), nullable=False, server_default=_EMPTY_LIST),
        ),
        "line_item": (sa.Column("terms", sa.JSON(), nullable=False, server_default=_EMPTY_OBJECT),),
        "publisher": (sa.Column("exclude_advertisers", sa.JSON(), nullable=False, server_default=_EMPTY_LIST),),
        "placement": (
            sa.Column("categories", sa.JSON(), nullable=False, server_default=_EMPTY_LIST),
            sa.Column("no_history", sa.String(16), nullable=False, server_default="house"),
        ),
        "revision": (sa.Column("salt", sa.String(64), nullable=False, server_default=""),),
    }


def _audiences() -> None:
    _of_an_advertiser("segment", sa.Column("days", sa.Integer(), nullable=False), _object("rule"))
    _of_an_advertiser("product_set", _object("terms"))
    _of_an_advertiser("experiment", _object("arms"))


def _object(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _of_an_advertiser(table: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("advertiser_ref", sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["advertiser_ref"], ["advertiser.ref"], name=op.f(f"fk_{table}_advertiser_ref")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_advertiser_ref"), table, ["advertiser_ref"])


def _customer_lists() -> None:
    op.create_table(
        "customer_list",
        sa.Column("ref", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("advertiser_ref", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["advertiser_ref"], ["advertiser.ref"], name=op.f("fk_customer_list_advertiser_ref"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_customer_list")),
        sa.UniqueConstraint("id", name=op.f("uq_customer_list_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_customer_list_advertiser_ref"), "customer_list", ["advertiser_ref"])


def _add_up_creatives() -> None:
    key, sums = ", ".join(_HOUR), ", ".join(_SUMS)
    added = ", ".join(f"SUM({name}) AS {name}" for name in _SUMS)
    op.execute(f"CREATE TABLE rollup_sum AS SELECT {key}, {added} FROM rollup_hour GROUP BY {key}")  # noqa: S608
    op.execute("DELETE FROM rollup_hour")
    with op.batch_alter_table("rollup_hour") as hours:
        hours.drop_constraint("pk_rollup_hour", type_="primary")
        hours.drop_column("creative")
        hours.drop_column("cost")
        hours.create_primary_key("pk_rollup_hour", list(_HOUR))
    op.execute(f"INSERT INTO rollup_hour ({key}, {sums}) SELECT {key}, {sums} FROM rollup_sum")  # noqa: S608
    op.drop_table("rollup_sum")


def _plain_caps() -> None:
    """Caps as the version before reads them: of the line item, without saying so."""
    table = sa.table("line_item", sa.column("ref"), sa.column("caps", sa.JSON()))
    connection = op.get_bind()
    for ref, caps in connection.execute(sa.select(table.c.ref, table.c.caps)).all():
        plain = [
            {name: cap[name] for name in ("limit", "window_s")}
            for cap in caps
            if cap.get("per", "line_item") == "line_item"
        ]
        if plain != caps:
            connection.execute(table.update().where(table.c.ref == ref).values(caps=plain))
