"""References of a DICOMDIR that were repaired with the help of the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mediasvc.media.directory.contradiction import Says
from mediasvc.media.directory.dicomdir_repairs import Repair
from mediasvc.media.directory.manifest import Matching
from mediasvc.media.directory.reference import Reference

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
                      label: Callable[[int], str], header_of: Callable[[int], Says | None],
                      ) -> Iterator[Repair]:
    """Files found under other names, and keys that the file contradicts. ``label`` and
    ``header_of`` a member, by its number."""
    for at, number in matching.found.items():
        reference, how = references[at], matching.how[at]
        if how in HOW:
            yield Repair(f"name-{how}", reference.offset, f"{reference.label}", label(number),
                         HOW[how], label(number))
        header = header_of(number)
        if header is None:
            continue
        for field, name in KEYS:
            said, found = getattr(reference, field), getattr(header, field)
            if found and said != found:
                yield Repair(f"key-{field}", reference.offset,
                             f"{name} {said}" if said else f"no {name}", found, _FILE,
                             label(number))
