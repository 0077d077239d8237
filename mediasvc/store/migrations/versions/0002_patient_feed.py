"""The patient feed: its messages, how new it is, and merges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    op.create_table(
        "adt_message",
        sa.Column("id", NUMBER, nullable=False),
        text("sender"),
        text("control_id"),
        text("digest"),
        text("trigger"),
        text("event_time"),
        text("received_at"),
        text("verdict"),
        text("code"),
        text("reason"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_adt_message"),
        sa.UniqueConstraint("sender", "control_id", "digest",
            name="uq_adt_message_sender_control_id_digest"))
    op.create_table(
        "adt_patient",
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("issuer", KEY, nullable=False),
        text("event_time"),
        sa.PrimaryKeyConstraint("patient_id", "issuer", name="pk_adt_patient"),
        sqlite_with_rowid=False)
    op.create_table(
        "patient_merge",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("prior_id", KEY, nullable=False),
        sa.Column("prior_issuer", KEY, nullable=False),
        sa.Column("survivor_id", KEY, nullable=False),
        sa.Column("survivor_issuer", KEY, nullable=False),
        text("merged_at"),
        text("merged_by"),
        text("ended_at"),
        text("ended_by"),
        sa.PrimaryKeyConstraint("id", name="pk_patient_merge"))
    op.create_index("ix_patient_merge_survivor_id_survivor_issuer", "patient_merge",
                    ["survivor_id", "survivor_issuer"])
    op.create_index("ix_patient_merge_prior_id_prior_issuer", "patient_merge",
                    ["prior_id", "prior_issuer"])
    live = sa.text("ended_at = ''")
    op.create_index("uq_patient_merge_live", "patient_merge", ["prior_id", "prior_issuer"],
                    unique=True, sqlite_where=live, postgresql_where=live)
