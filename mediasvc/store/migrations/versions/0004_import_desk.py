"""The import desk: orders of other systems, holds, moved studies, labels, reports by their hash."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
JSON = sa.JSON(none_as_null=True)


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def key(name: str) -> sa.Column[str]:
    return sa.Column(name, KEY, nullable=False, server_default="")


def count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def upgrade() -> None:
    op.add_column("package", sa.Column("label", JSON))
    for name in ("hold_by", "hold_reason", "hold_at"):
        op.add_column("patient_group", text(name))
    op.add_column("patient_group", sa.Column("order_numbers", JSON))
    for name in ("scheduled_procedure_step_id", "order_key", "order_at"):
        op.add_column("expected_import", text(name))
    op.create_index("uq_expected_import_order_key", "expected_import", ["order_key"], unique=True,
                    sqlite_where=sa.text("order_key <> ''"),
                    postgresql_where=sa.text("order_key <> ''"))
    _moves()
    _reports()


def _moves() -> None:
    op.create_table(
        "refile",
        sa.Column("id", NUMBER, nullable=False),
        text("state"),
        sa.Column("patient", NUMBER, nullable=False),
        sa.Column("target", NUMBER, nullable=False),
        sa.Column("studies", JSON),
        sa.Column("groups", JSON),
        sa.Column("expected", NUMBER),
        sa.Column("before", JSON),
        text("by"),
        text("first"),
        text("reason"),
        text("at"),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"], name="fk_refile_patient_patient"),
        sa.ForeignKeyConstraint(["target"], ["patient.id"], name="fk_refile_target_patient"),
        sa.ForeignKeyConstraint(["expected"], ["expected_import.id"],
                                name="fk_refile_expected_expected_import"),
        sa.PrimaryKeyConstraint("id", name="pk_refile"))
    op.create_index("ix_refile_state", "refile", ["state"])
    op.create_table(
        "refiled_instance",
        sa.Column("refile_id", NUMBER, nullable=False),
        sa.Column("sop_instance_uid", KEY, nullable=False),
        sa.Column("before", JSON),
        sa.Column("after", JSON),
        key("back_sha256"),
        count("back_offset"),
        count("back_length"),
        key("kept_sha256"),
        sa.ForeignKeyConstraint(["refile_id"], ["refile.id"],
                                name="fk_refiled_instance_refile_id_refile"),
        sa.PrimaryKeyConstraint("refile_id", "sop_instance_uid", name="pk_refiled_instance"),
        sqlite_with_rowid=False)
    for name in ("sop_instance_uid", "back_sha256", "kept_sha256"):
        op.create_index(f"ix_refiled_instance_{name}", "refiled_instance", [name])


def _reports() -> None:
    """The table, filled from the events of reports that were made before there was one."""
    made = op.create_table(
        "import_report",
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("event", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_import_report"),
        sqlite_with_rowid=False)
    connection = op.get_bind()
    known = {json.loads(data).get("sha256", ""): seq for seq, data in connection.execute(sa.text(
        "SELECT seq, data FROM event WHERE action = 'import-report' ORDER BY seq DESC"))}
    rows = [{"sha256": sha256, "event": seq} for sha256, seq in known.items() if sha256]
    if rows:
        connection.execute(sa.insert(made), rows)
