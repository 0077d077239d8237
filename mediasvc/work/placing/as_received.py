"""What was received of an instance, out of what the archive holds of it: the same bytes, the way
back from the object (a delta), or the received file itself, kept whole."""

from __future__ import annotations

import base64
import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mediasvc.dicom.pieces import Copy, Piece, unpack, write
from mediasvc.errors import DamagedError
from mediasvc.span import Span
from mediasvc.store.index import StoredInstance
from mediasvc.store.received import Place
from mediasvc.work.desk import Desk
from mediasvc.work.turns.batches import Item

NOT_FILED = "Its file in the archive is not what was filed."
NOT_RECEIVED = "What the archive keeps of it does not give the received bytes any more."


def holding(desk: Desk, one: StoredInstance) -> Item:
    """What a child must be told: ``span`` of the object and its sha256 (``object``), that of the
    received bytes (``received``), and ``delta`` (base64) or ``kept`` (a span) where these differ.

    Raises OSError when the object is not there, DamagedError when the delta is not.
    """
    return {"uid": one.sop_instance_uid, "object": one.object_sha256,
            "received": one.received_sha256,
            "span": Span.of_file(desk.objects.path(one.object_sha256)).as_json(),
            **way_back(desk, one)}


def way_back(desk: Desk, one: StoredInstance) -> Item:
    """``delta`` or ``kept`` of `holding`, or nothing. Raises the same."""
    if one.restore == "delta":
        place = Place(one.pack_sha256, one.pack_offset, one.pack_length)
        return {"delta": base64.b64encode(desk.received.read(place)).decode()}
    if one.restore == "object":
        return {"kept": Span.of_file(desk.objects.path(one.pack_sha256)).as_json()}
    return {}


def way_to_received(item: Item, length: int) -> Sequence[Piece] | None:
    """The pieces that make the received bytes of the object, which has ``length`` bytes; None where
    they are kept whole."""
    if "kept" in item:
        return None
    return unpack(base64.b64decode(item["delta"])) if "delta" in item else [Copy(0, length)]


@contextmanager
def received_view(item: Item, filed: memoryview) -> Iterator[memoryview]:
    """The received bytes, proven by their sha256, as is the object (``filed``).

    Raises DamagedError, OSError.
    """
    _prove(filed, item["object"], NOT_FILED)
    if "kept" in item:
        with Span.from_json(item["kept"]).view() as kept:
            yield _prove(kept, item["received"], NOT_RECEIVED)
    else:
        made = _in_memory(filed, item) if "delta" in item else filed
        yield _prove(made, item["received"], NOT_RECEIVED)


def _in_memory(filed: memoryview, item: Item) -> memoryview:
    fd = os.memfd_create("received")
    try:
        length = write(filed, way_to_received(item, len(filed)) or (), fd)[1]
        return memoryview(mmap.mmap(fd, length, access=mmap.ACCESS_READ))
    finally:
        os.close(fd)


def _prove(view: memoryview, sha256: str, words: str) -> memoryview:
    if hashlib.sha256(view).hexdigest() != sha256:
        raise DamagedError(words)
    return view
