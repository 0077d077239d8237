"""The first schema. A migration is a frozen copy: it never imports the present tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
JSON = sa.JSON(none_as_null=True)
live = sa.text("digest <> '' AND state IN ('receiving', 'waiting', 'done')")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def upgrade() -> None:
    op.create_table(
        "disc",
        sa.Column("id", NUMBER, nullable=False),
        text("state"),
        text("path"),
        text("profile"),
        text("sha256"),
        count("bytes"),
        text("file_set_id"),
        text("certificate"),
        text("created_at"),
        text("by"),
        sa.PrimaryKeyConstraint("id", name="pk_disc"))
    op.create_table(
        "event",
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        text("at"),
        text("subject_kind"),
        text("subject"),
        text("action"),
        text("by"),
        sa.Column("data", sa.Text(), server_default="{}", nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_event"))
    op.create_index("ix_event_subject_kind_subject_seq", "event",
                    ["subject_kind", "subject", "seq"])
    op.create_table(
        "object",
        sa.Column("sha256", KEY, nullable=False),
        text("kind"),
        count("length"),
        text("placed_at"),
        sa.Column("given_up", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("sha256", name="pk_object"),
        sqlite_with_rowid=False)
    op.create_index("ix_object_given_up", "object", ["given_up"],
                    sqlite_where=sa.text("given_up IS NOT NULL"),
                    postgresql_where=sa.text("given_up IS NOT NULL"))
    op.create_table(
        "package",
        sa.Column("id", NUMBER, nullable=False),
        text("kind"),
        text("path"),
        text("location"),
        text("source"),
        text("digest"),
        text("state"),
        text("reason"),
        text("arrived_at"),
        text("changed_at"),
        count("fence"),
        count("attempts"),
        sa.Column("duplicate_of", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["duplicate_of"], ["package.id"],
            name="fk_package_duplicate_of_package"),
        sa.PrimaryKeyConstraint("id", name="pk_package"))
    op.create_index("ix_package_digest", "package", ["digest"])
    op.create_index("ix_package_state_id", "package", ["state", "id"])
    op.create_index("uq_package_live_digest", "package", ["digest"],
                    unique=True,
                    sqlite_where=live,
                    postgresql_where=live)
    op.create_table(
        "disc_instance",
        sa.Column("disc_id", NUMBER, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        text("sop_instance_uid"),
        text("sha256"),
        sa.ForeignKeyConstraint(["disc_id"], ["disc.id"],
            name="fk_disc_instance_disc_id_disc", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("disc_id", "file_id", name="pk_disc_instance"))
    op.create_index("ix_disc_instance_sop_instance_uid", "disc_instance", ["sop_instance_uid"])
    op.create_table(
        "finding",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("package_id", NUMBER, nullable=False),
        text("severity"),
        text("code"),
        text("subject"),
        text("text"),
        text("rule"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"],
            name="fk_finding_package_id_package", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_finding"))
    op.create_index("ix_finding_package_id_id", "finding", ["package_id", "id"])
    op.create_table(
        "item",
        sa.Column("package_id", NUMBER, nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        text("label"),
        count("length"),
        text("sha256"),
        text("role"),
        text("state"),
        text("reason"),
        sa.Column("group_number", sa.Integer(), nullable=True),
        text("sop_instance_uid"),
        sa.Column("header", JSON, nullable=True),
        sa.Column("span", JSON, nullable=True),
        text("file_id"),
        text("duplicate_of"),
        text("object_sha256"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"],
            name="fk_item_package_id_package", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("package_id", "number", name="pk_item"))
    op.create_index("ix_item_duplicate_of", "item", ["duplicate_of"],
                    sqlite_where=sa.text("duplicate_of <> ''"),
                    postgresql_where=sa.text("duplicate_of <> ''"))
    op.create_index("ix_item_package_id_group_number_number", "item",
                    ["package_id", "group_number", "number"])
    op.create_index("ix_item_package_id_state", "item", ["package_id", "state"])
    op.create_table(
        "patient",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("issuer", KEY, nullable=False),
        text("patient_name"),
        text("patient_birth_date"),
        text("patient_sex"),
        text("address"),
        text("postcode"),
        text("phone"),
        sa.Column("provisional", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("package_id", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"],
            name="fk_patient_package_id_package"),
        sa.PrimaryKeyConstraint("id", name="pk_patient"),
        sa.UniqueConstraint("patient_id", "issuer", name="uq_patient_patient_id_issuer"))
    op.create_index("ix_patient_package_id", "patient", ["package_id"])
    op.create_index("ix_patient_patient_birth_date", "patient", ["patient_birth_date"])
    op.create_table(
        "patient_group",
        sa.Column("package_id", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        text("patient_id"),
        text("issuer"),
        text("patient_name"),
        text("patient_birth_date"),
        text("patient_sex"),
        sa.Column("variants", JSON, nullable=True),
        count("instances"),
        text("state"),
        text("decision"),
        sa.Column("target", NUMBER, nullable=True),
        text("rule"),
        sa.Column("evidence", JSON, nullable=True),
        text("by"),
        text("decided_at"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"],
            name="fk_patient_group_package_id_package", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["target"], ["patient.id"],
            name="fk_patient_group_target_patient"),
        sa.PrimaryKeyConstraint("package_id", "number", name="pk_patient_group"))
    op.create_index("ix_patient_group_target", "patient_group", ["target"])
    op.create_table(
        "patient_identifier",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("patient", NUMBER, nullable=False),
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("issuer", KEY, nullable=False),
        text("provenance"),
        text("valid_from"),
        text("valid_to"),
        sa.Column("package_id", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"],
            name="fk_patient_identifier_package_id_package"),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"],
            name="fk_patient_identifier_patient_patient", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_patient_identifier"),
        sa.UniqueConstraint("patient", "patient_id", "issuer", "provenance", "valid_from",
            name="uq_patient_identifier_one"))
    op.create_index("ix_patient_identifier_package_id", "patient_identifier", ["package_id"])
    op.create_index("ix_patient_identifier_patient_id_issuer", "patient_identifier",
                    ["patient_id", "issuer"])
    op.create_table(
        "patient_key",
        sa.Column("kind", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("patient", NUMBER, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"],
            name="fk_patient_key_patient_patient", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind", "key", "patient", name="pk_patient_key"),
        sqlite_with_rowid=False)
    op.create_index("ix_patient_key_patient", "patient_key", ["patient"])
    op.create_table(
        "study",
        sa.Column("study_instance_uid", KEY, nullable=False),
        sa.Column("patient", NUMBER, nullable=False),
        text("study_date"),
        text("study_time"),
        text("study_id"),
        text("accession_number"),
        text("study_description"),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"], name="fk_study_patient_patient"),
        sa.PrimaryKeyConstraint("study_instance_uid", name="pk_study"),
        sqlite_with_rowid=False)
    op.create_index("ix_study_patient", "study", ["patient"])
    op.create_table(
        "series",
        sa.Column("series_instance_uid", KEY, nullable=False),
        sa.Column("study_instance_uid", KEY, nullable=False),
        text("modality"),
        text("series_number"),
        text("series_description"),
        sa.ForeignKeyConstraint(["study_instance_uid"], ["study.study_instance_uid"],
            name="fk_series_study_instance_uid_study"),
        sa.PrimaryKeyConstraint("series_instance_uid", name="pk_series"),
        sqlite_with_rowid=False)
    op.create_index("ix_series_study_instance_uid", "series", ["study_instance_uid"])
    op.create_table(
        "instance",
        sa.Column("sop_instance_uid", KEY, nullable=False),
        sa.Column("series_instance_uid", KEY, nullable=False),
        text("sop_class_uid"),
        text("transfer_syntax_uid"),
        text("instance_number"),
        sa.Column("object_sha256", KEY, nullable=False),
        text("received_sha256"),
        count("received_length"),
        text("restore"),
        sa.Column("pack_sha256", KEY, server_default="", nullable=False),
        count("pack_offset"),
        count("pack_length"),
        sa.Column("package_id", NUMBER, nullable=False),
        count("item_number"),
        sa.Column("header", JSON, nullable=True),
        sa.ForeignKeyConstraint(["object_sha256"], ["object.sha256"],
            name="fk_instance_object_sha256_object"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"],
            name="fk_instance_package_id_package"),
        sa.ForeignKeyConstraint(["series_instance_uid"], ["series.series_instance_uid"],
            name="fk_instance_series_instance_uid_series"),
        sa.PrimaryKeyConstraint("sop_instance_uid", name="pk_instance"),
        sqlite_with_rowid=False)
    op.create_index("ix_instance_object_sha256", "instance", ["object_sha256"])
    op.create_index("ix_instance_pack_sha256", "instance", ["pack_sha256"])
    op.create_index("ix_instance_package_id", "instance", ["package_id"])
    op.create_index("ix_instance_series_instance_uid", "instance", ["series_instance_uid"])
