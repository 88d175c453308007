"""Publishers name the hosts whose click trackers may stand before our links."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has named any yet."""
    op.add_column("publisher", sa.Column("click_hosts", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    """The names are lost."""
    op.drop_column("publisher", "click_hosts")
