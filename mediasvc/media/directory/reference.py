"""What a DICOMDIR lists: records, and the files that they name (PS3.3 F.3.2.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from mediasvc.media.labels import label


@dataclass(frozen=True, slots=True)
class Record:
    """One directory record. ``parent`` is an index into `Dicomdir.records`, -1 below the root;
    ``offset`` and ``end`` its bytes in the file; ``tags`` its elements that have a value."""

    offset: int
    end: int
    type: str
    parent: int
    active: bool
    file_id: tuple[str, ...]
    tags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A file that an active record names, with what the directory says of it.

    ``file_id`` is relative to ``folder``, the folder of the medium that holds the DICOMDIR.
    Strings are empty when absent. ``uncertain_text``: the patient's name or ID could not be
    decoded for sure. ``offset`` is that of the record.
    """

    file_id: tuple[str, ...]
    record_type: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    patient_id: str = ""
    patient_name: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    uncertain_text: bool = False
    folder: tuple[str, ...] = ()
    offset: int = field(default=0, compare=False)

    @property
    def label(self) -> str:
        """The path as a person may read it, from the root of the medium (see `labels.label`)."""
        return label((*self.folder, *self.file_id))

    def as_json(self) -> dict[str, Any]:
        """Only what is set."""
        return {key: value for key, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        """The inverse of `as_json`."""
        paths = {key: tuple(row.get(key, ())) for key in ("file_id", "folder")}
        return cls(**(row | paths))
