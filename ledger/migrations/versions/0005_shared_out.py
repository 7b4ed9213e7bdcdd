"""Unmatched money that was shared out over the invoices of a customer."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "unmatched_payment", sa.Column("customer_id", sa.BigInteger(), sa.ForeignKey("customer.id"))
    )
    op.create_index("ix_unmatched_payment_customer_id", "unmatched_payment", ["customer_id"])


def downgrade() -> None:
    op.drop_column("unmatched_payment", "customer_id")
