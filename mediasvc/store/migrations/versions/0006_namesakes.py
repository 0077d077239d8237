"""Keys that tell namesakes apart: both names with the year, and with the day, of birth."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# From what is stored: "p" has both names by sound. In the order of the table, which is the fastest.
KEYS = """INSERT INTO patient_key (kind, key, patient)
    SELECT '{kind}', k.key || '|' || {part}, k.patient
    FROM patient_key k JOIN patient p ON p.id = k.patient
    WHERE k.kind = 'p' AND length(p.patient_birth_date) {long} ORDER BY 2, 3"""


def upgrade() -> None:
    op.execute(KEYS.format(kind="b", part="substr(p.patient_birth_date, 1, 4)", long=">= 4"))
    op.execute(KEYS.format(kind="d", part="substr(p.patient_birth_date, 5)", long="= 8"))


def downgrade() -> None:
    raise NotImplementedError("an older program must not open a newer ledger")
