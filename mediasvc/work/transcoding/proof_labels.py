"""What a lossy copy says of itself against what was measured (STANDARD RL-1 to RL-4)."""

from __future__ import annotations

from mediasvc.dicom.frames import words
from mediasvc.dicom.framing import Framing
from mediasvc.errors import ProofError
from mediasvc.standard import lossy_labels as label
from mediasvc.work.transcoding.transcode_row import RatioRow

#: A DS of four digits.
ROUNDED = 1e-3


def prove_labels(old: Framing, new: Framing, row: RatioRow) -> None:
    """Raise ProofError unless the copy is another instance that names its source and says, one step
    further than the source did, by what and how far it was compressed."""
    uid = words(new, label.SOP_INSTANCE_UID)
    if not uid or uid != row.sop_instance_uid or uid == words(old, label.SOP_INSTANCE_UID):
        raise ProofError("the lossy copy is no instance of its own")
    if words(new, label.LOSSY_IMAGE_COMPRESSION) != "01" or (
            not words(new, label.IMAGE_TYPE).startswith("DERIVED")):
        raise ProofError("the lossy copy does not say that it is one")
    if row.source_uid.encode() not in (new.value(label.SOURCE_IMAGE_SEQUENCE) or b""):
        raise ProofError("the lossy copy does not name its source")
    _one_step_further(old, new, row)


def _one_step_further(old: Framing, new: Framing, row: RatioRow) -> None:
    """The new ratio and method stand behind all earlier ones."""
    for tag in (label.LOSSY_RATIO, label.LOSSY_METHOD):
        before, after = words(old, tag), words(new, tag)
        if after.rpartition("\\")[0] != before:
            raise ProofError("an earlier lossy step was forgotten")
    said = float(words(new, label.LOSSY_RATIO).rpartition("\\")[2])
    measured = row.native_bytes / row.encoded_bytes
    if abs(said - measured) > ROUNDED * measured:
        raise ProofError("the ratio that the lossy copy names is not the measured one")
