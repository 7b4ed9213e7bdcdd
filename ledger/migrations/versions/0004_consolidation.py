"""Consolidation: the invoices that one message speaks of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "listed_invoice",
        sa.Column("attempt_id", sa.Text(), sa.ForeignKey("attempt.id"), primary_key=True),
        sa.Column("invoice_id", sa.BigInteger(), sa.ForeignKey("invoice.id"), primary_key=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("balance", sa.Numeric(16, 4), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
    )
    op.create_index("ix_listed_invoice_invoice_id", "listed_invoice", ["invoice_id"])


def downgrade() -> None:
    op.drop_table("listed_invoice")
