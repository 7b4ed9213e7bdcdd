"""Roles: to which contact an attempt's message goes, and to whom in copy; contacts found by their numbers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("role", sa.Text(), nullable=False, server_default="billing"))
    op.add_column("attempt", sa.Column("copies", JSONB(), nullable=False, server_default="[]"))
    op.alter_column("attempt", "role", server_default=None)
    op.alter_column("attempt", "copies", server_default=None)
    for column in ("phone", "whatsapp"):
        op.create_index(f"ix_contact_{column}", "contact", [column])


def downgrade() -> None:
    for column in ("phone", "whatsapp"):
        op.drop_index(f"ix_contact_{column}", "contact")
    op.drop_column("attempt", "copies")
    op.drop_column("attempt", "role")
