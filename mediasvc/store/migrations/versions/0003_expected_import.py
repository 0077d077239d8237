"""Expected imports: who will bring a disc, and the order that it answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    op.create_table(
        "expected_import",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("patient", NUMBER, nullable=False),
        text("source"),
        text("valid_until"),
        text("accession_number"),
        text("requested_procedure_id"),
        text("requested_procedure_description"),
        text("procedure_code"),
        text("coding_scheme"),
        text("code_meaning"),
        text("registered_by"),
        text("registered_at"),
        sa.Column("package_id", NUMBER, nullable=True),
        text("ended_by"),
        text("ended_at"),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"],
                                name="fk_expected_import_patient_patient"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"],
                                name="fk_expected_import_package_id_package"),
        sa.PrimaryKeyConstraint("id", name="pk_expected_import"))
    op.create_index("ix_expected_import_patient", "expected_import", ["patient"])
    op.create_index("ix_expected_import_package_id", "expected_import", ["package_id"])
