"""Discs: who gets them, and how they come onto plastic."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    op.add_column("disc", text("recipient"))
    op.add_column("disc", text("part"))
    op.create_table(
        "burn",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("disc_id", NUMBER, nullable=False),
        text("state"),
        text("method"),
        text("target"),
        text("program"),
        text("job"),
        sa.Column("copies", sa.BigInteger, nullable=False, server_default="0"),
        text("reason"),
        text("created_at"),
        text("changed_at"),
        text("by"),
        sa.ForeignKeyConstraint(["disc_id"], ["disc.id"], name="fk_burn_disc_id_disc",
                                ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_burn"))
    op.create_index("ix_burn_disc_id", "burn", ["disc_id"])
    op.create_index("ix_burn_state_id", "burn", ["state", "id"])


def downgrade() -> None:
    raise NotImplementedError("an older program must not open a newer ledger")
