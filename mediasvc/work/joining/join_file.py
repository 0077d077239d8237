"""The child's side of joining: one multi-frame file of many single-frame ones (PS3.4 C.3.5).

The files are gone through three times: for what their headers have in common, for each frame's own
functional groups, and for the frames. Only one file is open at a time.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from mediasvc.dicom.census import Census
from mediasvc.dicom.classic_header import EXPLICIT, classic_header
from mediasvc.dicom.converted_header import SOP_INSTANCE_UID, Identity, top_level
from mediasvc.dicom.encapsulation import DELIMITER, ITEM, ITEM_HEADER
from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.functional_groups import frame_content, reference, sequence
from mediasvc.dicom.kept_originals import CHUNK, Keeper, block_head
from mediasvc.dicom.nested import SEQUENCE_END, UNDEFINED
from mediasvc.dicom.single_frame import pixel_head, single_frame
from mediasvc.direct_write import write_new
from mediasvc.errors import DamagedError, StorageError
from mediasvc.span import Span
from mediasvc.standard import legacy_converted as table
from mediasvc.work.joining.join_seal import head_of_file, sealed_uid
from mediasvc.work.joining.split_file import prove_joined
from mediasvc.work.turns.mapped import give_back
from mediasvc.work.wrapping.wrap_uids import LENGTH, PLACEHOLDER, set_uid, stable_uid

#: Headers that are kept for the second time round.
KEPT_HEADERS = 64 << 20


def join_files(items: list[dict[str, Any]], out: str, order: dict[str, Any]) -> dict[str, Any]:
    """Write the new file ``out`` of the files ``items`` ({span, sop_class, sop_uid, frame_bytes}).

    ``order``: ``enhanced`` SOP Class, ``series`` (of the sources), ``number``, ``native``,
    ``bits_allocated`` and ``known`` (SOP Instance UID → class, study, series). Raises DamagedError
    when a file is not any more what it was, ProofError when the result does not give the files
    back, StorageError.
    """
    joining = _Joining(items, order, Path(out).parent)
    try:
        _, length = write_new(out, joining.parts())
        uid = joining.seal()
        set_uid(out, uid, joining.places)
    except OSError as error:
        raise StorageError(f"it cannot be written ({error.strerror})") from error
    prove_joined(Span(out, 0, length), joining.sums)
    return {"sop_instance_uid": uid, "series_instance_uid": joining.series, "bytes": length,
            "kept_bytes": joining.kept, "without": joining.census.without,
            "unknown_references": joining.unknown}


@dataclass
class _Joining:
    items: list[dict[str, Any]]
    order: dict[str, Any]
    scratch: Path
    kept: int = 0
    unknown: int = 0
    places: tuple[int, int] = (0, 0)
    _headers: list[dict[int, bytes]] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)
    _digest: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self.census = Census(table.BY_ENHANCED[self.order["enhanced"]])
        self.series = stable_uid("joined series", self.order["series"])
        self._count_up()
        known = self.order["known"]
        self.unknown = sum(uid not in known for kind in self.census.referred.values()
                           for uid in kind)

    def parts(self) -> Iterator[bytes | memoryview]:
        """The whole file, with a placeholder for its SOP Instance UID."""
        meta, place = head_of_file(self.order["enhanced"], self._syntax())
        yield meta
        at = len(meta)
        for part, is_uid in self._head():
            if is_uid:
                self.places = (place, at + len(part) - LENGTH)
            self._digest.update(part)
            at += len(part)
            yield part
        with tempfile.TemporaryFile(dir=self.scratch) as sink:
            yield from self._pixels(sink)
            yield from self._kept(sink)

    def seal(self) -> str:
        """The UID says what stands before the frames, and which files they are of."""
        return sealed_uid(self._digest.hexdigest(), self.sums)

    def _syntax(self) -> str:
        return str(self.order["syntax"])

    def _count_up(self) -> None:
        size = 0
        for item in self.items:
            header = _header(item)
            self.census.add(header)
            size += sum(map(len, header.values()))
            if size <= KEPT_HEADERS:
                self._headers.append(header)

    def _header_of(self, number: int) -> dict[int, bytes]:
        return self._headers[number] if number < len(self._headers) else _header(
            self.items[number])

    def _head(self) -> Iterator[tuple[bytes, bool]]:
        """(bytes, whether they end with the SOP Instance UID) up to the first frame."""
        identity = Identity(PLACEHOLDER, self.series, int(self.order["number"]),
                            stable_uid("frame of reference", self.order["series"]))
        known = {uid: (row[0], row[1], row[2]) for uid, row in self.order["known"].items()}
        top = top_level(self.census, identity, known, self._syntax())
        yield from ((top[tag], tag == SOP_INSTANCE_UID) for tag in sorted(top)
                    if tag < table.SHARED_GROUPS)
        yield sequence(table.SHARED_GROUPS, self._shared(top)), False
        yield from ((part, False) for part in self._per_frame())
        yield from ((top[tag], False) for tag in sorted(top) if tag > table.PER_FRAME_GROUPS)
        yield pixel_head([int(item["frame_bytes"]) for item in self.items],
                         native=self.order["native"],
                         bits_allocated=int(self.order["bits_allocated"])), False

    def _shared(self, top: dict[int, bytes]) -> dict[int, bytes]:
        groups = {tag: group for macro in self.census.macros.values()
                  for tag, group in macro.items()}
        rest = self.census.shared_unassigned(top)
        return groups | ({table.UNASSIGNED_SHARED: sequence(table.UNASSIGNED_SHARED, rest)}
                         if rest else {})

    def _per_frame(self) -> Iterator[bytes]:
        """A sequence of undefined length: nobody knows the last item while the first is written."""
        yield EXPLICIT.element(table.PER_FRAME_GROUPS, "SQ", b"")[:-4] + UNDEFINED.to_bytes(
            4, "little")
        for number, item in enumerate(self.items):
            header = self._header_of(number)
            groups = self.census.own_groups(header)
            if self.census.conversion.kind == "enhanced":
                groups[table.FRAME_CONTENT] = frame_content(header)
            rest = self.census.own_unassigned(header)
            if rest:
                groups[table.UNASSIGNED_PER_FRAME] = sequence(table.UNASSIGNED_PER_FRAME, rest)
            groups[table.CONVERSION_SOURCE] = sequence(table.CONVERSION_SOURCE, reference(
                item["sop_class"], item["sop_uid"]))
            yield EXPLICIT.item(groups[tag] for tag in sorted(groups))
        yield EXPLICIT.tag(SEQUENCE_END) + bytes(4)

    def _pixels(self, sink: BinaryIO) -> Iterator[bytes | memoryview]:
        keeper = Keeper(sink)
        total = 0
        for item in self.items:
            length = int(item["frame_bytes"])
            if not self.order["native"]:
                yield ITEM_HEADER.pack(*ITEM, length + length % 2)
            yield from self._frame(item, keeper)
            total += length
            if not self.order["native"]:
                yield b"\0" * (length % 2)
        self.kept = keeper.close()
        yield DELIMITER if not self.order["native"] else b"\0" * (total % 2)

    def _frame(self, item: dict[str, Any], keeper: Keeper) -> Iterator[bytes | memoryview]:
        with Span.from_json(item["span"]).view() as view:
            framing = read_framing(view)
            frame = single_frame(framing)
            if frame.length != item["frame_bytes"]:
                raise DamagedError("a file was changed while it was read")
            sha256 = hashlib.sha256(view).hexdigest()
            self.sums.append(sha256)
            keeper.add(sha256, frame.runs(framing, len(view)), view)
            for part in frame.data(framing):
                yield from _copied(part)
            give_back(view)
            del framing, part

    def _kept(self, sink: BinaryIO) -> Iterator[bytes]:
        yield block_head(self.kept)
        sink.seek(0)
        while part := sink.read(CHUNK):
            yield part


def _copied(part: bytes | memoryview) -> Iterator[bytes]:
    """Whoever writes them may hold them longer than the file is open."""
    for at in range(0, len(part), CHUNK):
        yield bytes(part[at:at + CHUNK])


def _header(item: dict[str, Any]) -> dict[int, bytes]:
    with Span.from_json(item["span"]).view() as view:
        return classic_header(read_framing(view))


