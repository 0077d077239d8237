"""What is said of every object that was joined, and of what was not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mediasvc.errors import MediasvcError
from mediasvc.work.joining.join_kind import Group
from mediasvc.work.joining.join_sources import shown

Row = dict[str, Any]


def joined_row(group: Group, out: Path, made: dict[str, Any]) -> Row:
    kind = group.files[0].facts["kind"]
    return {
        "type": "joined", "out": shown(out), "sop_class_uid": group.conversion.enhanced,
        "sop_instance_uid": made["sop_instance_uid"],
        "series_instance_uid": made["series_instance_uid"],
        "source_series_instance_uid": group.series,
        "transfer_syntax_uid": group.transfer_syntax_uid,
        "rows": int(kind["Rows"]), "columns": int(kind["Columns"]), "frames": len(group.files),
        "bytes": made["bytes"], "source_bytes": sum(one.span.length for one in group.files),
        "kept_bytes": made["kept_bytes"], "notes": list(_notes(made))}


def _notes(made: dict[str, Any]) -> Iterator[str]:
    without = made["without"]
    words = {"overlay": "overlay planes", "window": "a VOI LUT", "signature": "a digital signature"}
    for name, word in words.items():
        if without.get(name):
            yield (f"{without[name]} images have {word} that the multi-frame object does not show; "
                   "split gives it back")
    if made["unknown_references"]:
        yield (f"{made['unknown_references']} images that they refer to are not among the files, "
               "so their series stands in no evidence")


def refused_row(series: str, instances: int, trouble: MediasvcError) -> Row:
    return {"type": "refused", "series_instance_uid": series, "instances": instances,
            "reason": trouble.text, "advice": trouble.advice}
