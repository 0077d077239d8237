"""What a DICOMDIR will say of one instance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One file of a file-set and its keys, ready to be written.

    ``file_id``: the components of its path. ``values``: tag → value bytes as in Explicit VR
    Little Endian, without padding, text in the instance's own ``character_set`` (the raw value of
    (0008,0005)); sequences as their items. Absent and empty are the same.
    """

    file_id: tuple[str, ...]
    record_type: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    values: dict[int, bytes]
    character_set: bytes = b""
