"""Customers who are one: whose invoices and contacts went to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "customer", sa.Column("merged_into", sa.BigInteger(), sa.ForeignKey("customer.id"), nullable=True)
    )
    op.create_index("ix_customer_merged_into", "customer", ["merged_into"])


def downgrade() -> None:
    op.drop_column("customer", "merged_into")
