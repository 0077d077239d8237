"""References of a DICOMDIR that were repaired with the help of the files themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mediasvc.media.dicomdir_repairs import Repair
from mediasvc.media.manifest import Matching
from mediasvc.media.reference import Reference
from mediasvc.model import InstanceHeader

HOW = {
    "case": "the names differ only in case, version or a trailing dot",
    "extension": "the names differ only in an extension",
    "shortened": "the name was shortened to 8 characters",
    "uid": "that file has its SOP Instance UID",
}
KEYS = (
    ("sop_class_uid", "Referenced SOP Class UID"),
    ("sop_instance_uid", "Referenced SOP Instance UID"),
    ("transfer_syntax_uid", "Referenced Transfer Syntax UID"),
)
_FILE = "the file says so"


def reference_repairs(references: Sequence[Reference], matching: Matching,
                      labels: Mapping[int, str], headers: Mapping[int, InstanceHeader],
                      ) -> Iterator[Repair]:
    """Files found under other names, and keys that the file contradicts. ``labels`` and
    ``headers`` by number of the member."""
    for at, number in matching.found.items():
        reference, how = references[at], matching.how[at]
        if how in HOW:
            yield Repair(f"name-{how}", reference.offset, f"{reference.label}", labels[number],
                         HOW[how], labels[number])
        header = headers.get(number)
        if header is None:
            continue
        for field, name in KEYS:
            said, found = getattr(reference, field), getattr(header, field)
            if found and said != found:
                yield Repair(f"key-{field}", reference.offset,
                             f"{name} {said}" if said else f"no {name}", found, _FILE,
                             labels[number])
