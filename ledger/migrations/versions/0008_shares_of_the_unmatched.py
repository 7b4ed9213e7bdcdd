"""What of unmatched money its sender meant for which invoice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("unmatched_payment", sa.Column("meant", JSONB(), server_default="[]", nullable=False))
    op.alter_column("unmatched_payment", "meant", server_default=None)


def downgrade() -> None:
    op.drop_column("unmatched_payment", "meant")
