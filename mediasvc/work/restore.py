"""The bytes as they were received, rebuilt from object and delta and proven by their sha256."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mediasvc.dicom.pieces import unpack, write
from mediasvc.direct_write import write_direct
from mediasvc.errors import PUT_BACK, DamagedError, StateError
from mediasvc.span import Span
from mediasvc.store import index
from mediasvc.store.index import StoredInstance
from mediasvc.work.desk import Desk
from mediasvc.work.placing.as_received import way_back
from mediasvc.work.turns.batches import Item, each, run_batches

BATCH = 16


@dataclass(frozen=True, slots=True)
class Restored:
    instance: StoredInstance
    path: Path


def restore_study(desk: Desk, uid: str, folder: Path) -> Iterator[Restored]:
    """Write every instance of the study as received into ``folder`` (made; must be empty).

    Raises NotFoundError, StateError, DamagedError when one cannot be proven.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise StateError("The folder to restore into is not empty.")
    with desk.store.read() as connection:
        instances = list(index.study_instances(connection, uid))
    names = {one.sop_instance_uid: folder / f"IM{number:06d}.dcm"
             for number, one in enumerate(instances, 1)}
    yield from restore(desk, instances, names)


def restore(desk: Desk, instances: list[StoredInstance], names: dict[str, Path],
            ) -> Iterator[Restored]:
    """Write the received bytes of each instance to its path in ``names`` (by SOP Instance UID)."""
    source = iter(instances)
    while page := list(islice(source, 500)):
        by_uid = {one.sop_instance_uid: one for one in page}
        requests = (_request(desk, one, names[one.sop_instance_uid]) for one in page)
        for request, answer in run_batches(desk.sandbox, "mediasvc.work.restore:rebuild_items",
                                           requests, BATCH):
            if answer.error:
                raise DamagedError("An instance could not be restored as received.",
                                   PUT_BACK)
            yield Restored(by_uid[str(request["uid"])], Path(request["to"]))


def _request(desk: Desk, one: StoredInstance, target: Path) -> Item:
    """What is kept whole does not need the object."""
    back = way_back(desk, one)
    span = back.pop("kept", None) or Span.of_file(desk.objects.path(one.object_sha256)).as_json()
    return {"uid": one.sop_instance_uid, "to": str(target), "sha256": one.received_sha256,
            "span": span, **back}


def rebuild_items(items: list[Item]) -> list[Any]:
    """The child's side: apply the inverse splice, write, compare with the received sha256."""
    return each(_rebuild, items)


def _rebuild(item: Item) -> dict[str, Any]:
    span, target = Span.from_json(item["span"]), Path(item["to"])
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with span.view() as view:
            pieces = unpack(base64.b64decode(item["delta"])) if "delta" in item else None
            if pieces is None:
                write_direct(fd, [view])  # one write(2) ends after 2 GiB
                os.fsync(fd)
            else:
                write(view, pieces, fd)
    finally:
        os.close(fd)
    if Span.of_file(target).sha256() != item["sha256"]:
        target.unlink()
        raise DamagedError("is not what was received")
    return {}
