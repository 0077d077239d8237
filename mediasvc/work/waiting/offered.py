"""Files beside the images of a package that a person may want to have filed with the patient.

Only by their names: what they are is looked at when somebody asks for one. What belongs to a
viewer, or to the pages of the disc itself, is not offered.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from mediasvc.store import ledger
from mediasvc.work.desk import Desk
from mediasvc.work.waiting.attached import attached_of

#: Suffix → what a person calls it.
KINDS = {suffix: kind for kind, suffixes in {
    "report": "pdf txt xml", "photo": "jpg jpeg png tif tiff",
    "video": "mp4 mov m4v mpg mpeg ts vob avi mkv webm m2ts", "model": "stl obj mtl",
}.items() for suffix in suffixes.split()}
#: Pages that every disc has (PS3.12, IHE PDI), and names of no report.
_PAGES = frozenset({"ihe_pdi", "autorun", "viewer", "css", "icons", "help"})
_NAMES = ("readme", "license", "licence", "autorun", "copyright", "version", "changelog",
          "liesmich", "lisezmoi", "index")
PROGRAM = "program-on-disc"


@dataclass(frozen=True, slots=True)
class Offer:
    """``attached`` is the package as which it was filed, None while it was not."""

    label: str
    kind: str
    length: int
    sha256: str
    attached: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def offers(desk: Desk, number: int) -> list[Offer]:
    """In the order of the package."""
    with desk.store.read() as connection:
        programs = {folder for finding in ledger.findings(connection, number)
                    if finding.code == PROGRAM
                    for folder in [str(PurePosixPath(finding.subject).parent)] if folder != "."}
        known = attached_of(connection, number)
        return [Offer(item.label, kind, item.length, item.sha256,
                      place.package if (place := known.get(item.number)) and place.stored
                      else None)
                for item in ledger.items(connection, number, role="non_dicom")
                if (kind := _kind(item.label, programs))]


def _kind(label: str, programs: set[str]) -> str:
    path = PurePosixPath(label)
    stem = path.stem.lower()
    if any(str(folder) in programs or folder.name.lower() in _PAGES for folder in path.parents):
        return ""
    if stem.startswith(_NAMES):
        return ""
    return KINDS.get(path.suffix.lower().lstrip("."), "")
