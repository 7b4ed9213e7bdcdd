"""Jobs on customers: what an item is about is an invoice or a customer, as its job's kind says."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("job_item_invoice_id_fkey", "job_item", type_="foreignkey")
    op.alter_column("job_item", "invoice_id", new_column_name="subject_id")


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM job_item USING job WHERE job.id = job_id AND kind = 'segment'"))
    op.alter_column("job_item", "subject_id", new_column_name="invoice_id")
    op.create_foreign_key("job_item_invoice_id_fkey", "job_item", "invoice", ["invoice_id"], ["id"])
