"""How a package names itself: the volume's label, the File-set IDs of its DICOMDIRs, its README.

Kept while the package is received, so that nobody needs the medium again to tell which it was.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError, MediasvcError
from mediasvc.media.directory.dicomdir import file_set_id
from mediasvc.media.iso.iso9660 import PRIMARY, read_volumes
from mediasvc.media.iso.iso_session import last_session
from mediasvc.media.labels import display
from mediasvc.media.recognise import recognise
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf.udf_open import open_volume
from mediasvc.media.window import Window
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.store import ledger, package_labels
from mediasvc.store.ledger import Package
from mediasvc.work.desk import Desk
from mediasvc.work.intake.discover import Found

#: Of a readme so many characters are kept, of a file no longer than that.
README_SHOWN, README_LIMIT = 2000, 256 << 10
README_NAMES = ("readme", "readme.txt", "readme.1st", "label.txt", "liesmich.txt", "lisezmoi.txt")


@dataclass(frozen=True, slots=True)
class Labels:
    """``volume`` is empty where there is none or the package is no longer here."""

    volume: str = ""
    file_sets: tuple[str, ...] = ()
    readme: str = ""


@dataclass(slots=True)
class LabelsSeen:
    """Collects what names a package while its files go by."""

    file_sets: list[str] = field(default_factory=list)
    readme: Span | None = None

    def look(self, found: Found) -> None:
        if found.directory is not None:
            self.file_sets.append(display(found.directory.file_set_id))
        parts = found.member.shown or found.member.parts
        if (found.role == "non_dicom" and self.readme is None and len(parts) == 1
                and found.length <= README_LIMIT
                and parts[0].lower().partition(";")[0].rstrip(".") in README_NAMES):
            self.readme = found.span

    def keep(self, desk: Desk, package: Package, kind: str) -> None:
        """Ask a child for the rest, if there is any, and write it down."""
        path = package.location if kind == "iso" else ""
        answer = None
        if path or self.readme:
            answer = desk.sandbox.call(
                "mediasvc.work.intake.import_labels:read_labels", path=path, spans=[],
                readme=self.readme.as_json() if self.readme else None,
                limits=desk.settings.limits.model_dump())
        told = answer.value if answer and not answer.error else {"volume": "", "readme": ""}
        labels = Labels(str(told["volume"]), tuple(self.file_sets), str(told["readme"]))
        with desk.store.transaction() as connection:
            ledger.check_fence(connection, package.id, package.fence)
            package_labels.put(connection, package.id, asdict(labels))


def labels(desk: Desk, number: int) -> Labels:
    """As kept; of a package from before they were kept, what can still be read."""
    with desk.store.read() as connection:
        kept = package_labels.get(connection, number)
        if kept is not None:
            return Labels(kept["volume"], tuple(kept["file_sets"]), kept["readme"])
        package = ledger.package(connection, number)
        spans = [item.span for item in ledger.items(connection, number, role="dicomdir")
                 if item.span and Path(item.span.path).is_file()]
    path = package.location if package.kind == "iso" and Path(package.location).is_file() else ""
    answer = desk.sandbox.call("mediasvc.work.intake.import_labels:read_labels", path=path,
                               spans=[span.as_json() for span in spans], readme=None,
                               limits=desk.settings.limits.model_dump())
    if answer.error:
        return Labels()
    return Labels(str(answer.value["volume"]), tuple(map(str, answer.value["file_sets"])))


def read_labels(path: str, spans: list[dict[str, Any]], readme: dict[str, Any] | None,
                limits: dict[str, Any]) -> dict[str, Any]:
    """The child's side."""
    volume = ""
    if path:
        window = Window(Span.of_file(path))
        try:
            volume = _volume(window, Limits.model_validate(limits))
        except MediasvcError:
            volume = ""
        finally:
            window.close()
    return {"volume": display(volume.strip(" \0")), "file_sets": [_file_set(row) for row in spans],
            "readme": _readme(readme) if readme else ""}


def _volume(window: Window, limits: Limits) -> str:
    troubles = Troubles([])
    if recognise(window) == "udf":
        return open_volume(window, limits, troubles).identifier
    volumes = read_volumes(window, last_session(window, troubles))
    found = next((one.identifier for one in volumes if one.kind == PRIMARY), None)
    if found is None:
        raise DamagedError("has no volume")
    return found


def _file_set(row: dict[str, Any]) -> str:
    with Span.from_json(row).view() as view:
        return display(file_set_id(view))


def _readme(row: dict[str, Any]) -> str:
    with Span.from_json(row).view() as view:
        raw = bytes(view[:4 * README_SHOWN])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    lines = (" ".join(display(line.replace("\t", " ")).split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)[:README_SHOWN]
