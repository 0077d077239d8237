"""How a package names itself: the volume's label and the File-set IDs of its DICOMDIRs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.media.dicomdir import read_dicomdir
from mediasvc.media.iso9660 import PRIMARY, read_volumes
from mediasvc.media.iso_session import last_session
from mediasvc.media.labels import display
from mediasvc.media.recognise import recognise
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf_open import open_volume
from mediasvc.media.window import Window
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.store import ledger
from mediasvc.work.desk import Desk


@dataclass(frozen=True, slots=True)
class Labels:
    """``volume`` is empty where there is none or the package is no longer here."""

    volume: str
    file_sets: tuple[str, ...]


def labels(desk: Desk, number: int) -> Labels:
    """What can still be read; a package whose bytes are gone has no labels."""
    with desk.store.read() as connection:
        package = ledger.package(connection, number)
        spans = [item.span for item in ledger.items(connection, number, role="dicomdir")
                 if item.span and Path(item.span.path).is_file()]
    path = package.location if package.kind == "iso" and Path(package.location).is_file() else ""
    answer = desk.sandbox.call("mediasvc.work.import_labels:read_labels", path=path,
                               spans=[span.as_json() for span in spans],
                               limits=desk.settings.limits.model_dump())
    if answer.error:
        return Labels("", ())
    return Labels(str(answer.value["volume"]), tuple(map(str, answer.value["file_sets"])))


def read_labels(path: str, spans: list[dict[str, Any]], limits: dict[str, Any]) -> dict[str, Any]:
    """The child's side."""
    volume = ""
    if path:
        window = Window(Span.of_file(path))
        try:
            volume = _volume(window, Limits.model_validate(limits))
        except DamagedError:
            volume = ""
        finally:
            window.close()
    return {"volume": display(volume.strip(" \0")), "file_sets": [_file_set(row) for row in spans]}


def _volume(window: Window, limits: Limits) -> str:
    troubles = Troubles([])
    if recognise(window) == "udf":
        return open_volume(window, limits, troubles).identifier
    volumes = read_volumes(window, last_session(window, troubles))
    return next(one.identifier for one in volumes if one.kind == PRIMARY)


def _file_set(row: dict[str, Any]) -> str:
    with Span.from_json(row).view() as view:
        return display(read_dicomdir(view).file_set_id)
