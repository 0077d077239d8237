"""One file on its way: probe, plan, compose, write."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError, MediasvcError, NotFoundError, UnsupportedError
from mediasvc.media.foreign.wrap_facts import Facts, OtherFacts, VideoFacts, facts_from_json
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.standard.wrap_iods import ENCAPSULATED_MTL
from mediasvc.work.wrapping.wrap_advice import can_be_made_to_fit, reencode_command, shown
from mediasvc.work.wrapping.wrap_dataset import compose
from mediasvc.work.wrapping.wrap_identity import Identity
from mediasvc.work.wrapping.wrap_models import Materials
from mediasvc.work.wrapping.wrap_plan import Plan, plan
from mediasvc.work.wrapping.wrap_reencode import ways
from mediasvc.work.wrapping.wrap_sides import Identities
from mediasvc.work.wrapping.wrap_write import write_instance

PROBE, PIXELS = "mediasvc.work.wrapping.wrap_probe", "pixels"
COPY_AGAIN = "If it can be opened where it comes from, copy it again."


@dataclass(frozen=True, slots=True)
class WrapOrder:
    """``out`` is a folder that is there, the name of the one file, or None: beside each source.
    With ``numbered`` files of one name may go into one folder."""

    files: tuple[Path, ...]
    identities: Identities
    out: Path | None = None
    modality: str = ""
    reencode: bool = False
    numbered: bool = False

    def identity(self, path: Path) -> Identity:
        """Raises why nothing is known of the file."""
        found = self.identities[path]
        if isinstance(found, MediasvcError):
            raise UnsupportedError(found.text, found.advice)
        return found


def probe(sandbox: Sandbox, source: Path, scratch: Path) -> Facts:
    """Facts of a file; decoded samples lie in ``scratch`` until the next. Raises UnsupportedError,
    DamagedError."""
    answer = sandbox.call(f"{PROBE}:look_at_file", span=Span.of_file(source.resolve()).as_json(),
                          pixels=str(scratch / PIXELS))
    if answer.error:
        raise DamagedError(answer.text, COPY_AGAIN)
    try:
        if "refused" in answer.value:
            raise UnsupportedError(str(answer.value["refused"]), str(answer.value["advice"]))
        return facts_from_json(answer.value["facts"])
    except (TypeError, KeyError, ValueError) as error:
        raise DamagedError("it could not be understood") from error


@dataclass(frozen=True, slots=True)
class Batch:
    """What all files of a call share."""

    order: WrapOrder
    sandbox: Sandbox
    scratch: Path
    memory: int
    materials: Materials


@dataclass(frozen=True, slots=True)
class Wrapping:
    """One file on its way."""

    batch: Batch
    path: Path
    out: Path

    def row(self) -> dict[str, Any]:
        if not self.path.is_file():
            raise NotFoundError("there is no such file")
        identity = self.batch.order.identity(self.path)
        derived: dict[str, Any] = {}
        try:
            planned = self._plan(self.path)
        except UnsupportedError as trouble:
            planned, derived = self._made_to_fit(trouble)
        planned = self.batch.materials.refer(planned, identity.study_uid)
        dataset = compose(planned, identity, derived)
        temp = self.out.with_name(f".{uuid.uuid4().hex}.part")
        try:
            uid = write_instance(dataset, planned.transfer_syntax_uid, planned.payload, temp)
            _publish(temp, self.out)
        finally:
            temp.unlink(missing_ok=True)
        if planned.sop_class is ENCAPSULATED_MTL:
            self.batch.materials.add(identity.study_uid, self.path.name,
                                     str(dataset.SeriesInstanceUID), uid)
        return _row(self.path, self.out, uid, planned)

    def _plan(self, source: Path) -> Plan:
        order, batch = self.batch.order, self.batch
        said = order.identity(self.path).attributes.get("Modality", "")
        return plan(probe(batch.sandbox, source, batch.scratch), Span.of_file(source.resolve()),
                    batch.scratch / PIXELS, order.modality or str(said))

    def _made_to_fit(self, trouble: UnsupportedError) -> tuple[Plan, dict[str, Any]]:
        """By ffmpeg: another container always, other pictures only on request."""
        batch = self.batch
        facts = probe(batch.sandbox, self.path, batch.scratch)
        if not isinstance(facts, (OtherFacts, VideoFacts)) or not can_be_made_to_fit(facts):
            raise trouble
        said: list[str] = []
        for made in ways(self.path, facts, batch.scratch, encode=batch.order.reencode,
                         memory=batch.memory, said=said):
            try:
                planned = self._plan(made.path)
            except (UnsupportedError, DamagedError) as why:
                said.append(why.text)
                continue
            return (replace(planned, notes=(*planned.notes, made.note)),
                    made.labels(planned.values))
        if said:
            command = shown(reencode_command(self.path.name, "OUT.mp4"))
            trouble = UnsupportedError(said[0], f"This makes it fit: {command}")
        if batch.order.reencode:
            raise UnsupportedError(f"{trouble.text}; ffmpeg did not make it fit either")
        raise trouble


def _publish(temp: Path, out: Path) -> None:
    """Give the file its name. The same content under it is fine, any other is refused."""
    if out.exists():
        if _digest(out) != _digest(temp):
            raise UnsupportedError("another file has the name of the instance already",
                                   "Choose another --out.")
        return
    temp.rename(out)
    fd = os.open(out.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _row(path: Path, out: Path, uid: str, planned: Plan) -> dict[str, Any]:
    return {
        "type": "wrapped", "path": shown_path(path), "out": shown_path(out),
        "sop_class_uid": planned.sop_class.uid, "sop_instance_uid": uid,
        "transfer_syntax_uid": planned.transfer_syntax_uid, "rows": planned.rows,
        "columns": planned.columns, "frames": planned.frames,
        "frame_time_ms": planned.frame_time_ms, "stream_bytes": planned.payload.length,
        "modality": planned.modality, "notes": list(planned.notes)}


def shown_path(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")

