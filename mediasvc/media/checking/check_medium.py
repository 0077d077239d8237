"""Names, sizes and volume of a medium (PS3.12 Annexes F, P, R, V; IHE PDI)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from mediasvc.media.disc.disc_file import DICOM_FOLDER, INDEX, README, WEB_FOLDER
from mediasvc.media.member import Member
from mediasvc.model import Finding
from mediasvc.standard.profiles import CAPACITY, Profile, udf_words

LEVELS = 8
SHORT_NAME = re.compile(r"[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?")
FOLDER_NAME = re.compile(r"[A-Z0-9_]{1,8}")
#: What systems start or offer to start when a disc is put in.
STARTERS = re.compile(
    r"\.?(autorun|autoplay|autostart|autoexec)(\..*)?|.*\.autorun|setup\.(exe|com|bat|cmd|msi|hta)",
    re.IGNORECASE)
#: What systems run when somebody opens it.
PROGRAMS = re.compile(
    r".*\.(exe|com|bat|cmd|scr|pif|msi|hta|vbs|vbe|js|jse|wsf|wsh|ps1|lnk|cpl|reg|jar|sh|command|app)",
    re.IGNORECASE)
#: What systems write on every medium that they open, or into every folder that they show.
LEFT_BEHIND = re.compile(
    r"\.DS_Store|\._.*|\.Trashes|\.Trash-\d+|\.Spotlight-V100|\.fseventsd|\.TemporaryItems|__MACOSX"
    r"|(eh)?thumbs\.db|desktop\.ini|System Volume Information|\$RECYCLE\.BIN|RECYCLE[DR]|FOUND\.\d+"
    r"|lost\+found|@eaDir", re.IGNORECASE)
#: A medium of this kind of package holds the profile's medium as it is.
CARRIER = {"cd": {"iso", "folder"}, "dvd": {"iso", "folder"}, "bd": {"iso", "folder"},
           "usb": {"folder"}, "mmc": {"folder"}, "cf": {"folder"}, "sd": {"folder"},
           "zip": {"zip"}, "mail": {"zip"}, "mime": {"folder"}}
#: Revisions of UDF that an image of a medium has (PS3.12 X.2.1).
UDF_OF = {"bd": (0x0250, 0x0260)}
LISTED = 20


@dataclass(frozen=True, slots=True)
class Surface:
    """What an ISO image is beside its files. ``sealed``: None when it carries no seal."""

    volume_id: str
    system_id: str
    length: int
    udf: bool
    sealed: bool | None
    dirty: tuple[str, ...]
    """Labels of files behind which unused bytes are not zero; ``""`` for before and after them."""
    revision: int = 0
    """Of UDF, as the disc writes it (0x0250 is 2.50); 0 where there is none or none is read."""
    paths: bool = True
    """Whether the path tables hold; not asked of several sessions."""
    stated: bool = True
    """Whether the volume has the size that its files need; not asked of several sessions."""
    troubles: tuple[tuple[str, str, str], ...] = ()
    """What `iso_extents` found: rule, words and label."""

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(**(row | {"dirty": tuple(row["dirty"]),
                             "troubles": tuple(map(tuple, row["troubles"]))}))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check_names(kind: str, members: Sequence[Member], dicom: Sequence[int]) -> Iterator[Finding]:
    """``dicom``: not 0 at the numbers of the DICOM files (R12-1a, R12-5: those must be legal
    everywhere). ``kind``: that of the package, or ``mime``."""
    if rule := {"iso": "R12-1a", "zip": "R12-5"}.get(kind, ""):
        yield from _limited(_finding(rule, "its name is not 8.3 in capital letters, or too deep",
                                     member.label)
                            for member in members
                            if (kind == "iso" or dicom[member.number])
                            and not _is_short(member.parts))
    yield from _limited(_finding("PDI-2", "its name is not 8.3 in capital letters", member.label)
                        for member in members if not _is_short(member.parts))
    yield from _layout(members, dicom, (README,) if kind == "mime" else (README, INDEX))


def _layout(members: Sequence[Member], dicom: Sequence[int], wanted: tuple[str, ...],
            ) -> Iterator[Finding]:
    """``wanted`` in the root; parts of a message cannot link to each other, so no INDEX.HTM."""
    root = {member.parts[0] for member in members if len(member.parts) == 1}
    for name in wanted:
        if name not in root:
            yield _finding("PDI-2", f"there is no {name} in the root")
    yield from _limited(
        _finding("PDI-2b", f"it does not belong into {member.parts[0]}", member.label)
        for member in members if len(member.parts) > 1 and (
            (member.parts[0] == DICOM_FOLDER and not dicom[member.number])
            or (member.parts[0] == WEB_FOLDER and not _is_web(member.parts[-1]))))
    yield from _limited(_finding("PDI-2c", "an operating system left it behind", member.label)
                        for member in members
                        if not dicom[member.number] and is_left_behind(member.parts))
    for member in members:
        if len(member.parts) > 1:
            continue
        if STARTERS.fullmatch(member.parts[0]):
            yield _finding("PDI-5", "a computer may start something by it", member.label)
        elif PROGRAMS.fullmatch(member.parts[0]):
            yield _finding("PDI-5b", "it is a program", member.label)


def is_left_behind(parts: tuple[str, ...]) -> bool:
    return any(map(LEFT_BEHIND.fullmatch, parts))


def _is_web(name: str) -> bool:
    return name.rpartition(".")[2].upper() in ("HTM", "HTML", "JPG", "JPEG", "CSS")


def _is_short(parts: tuple[str, ...]) -> bool:
    return (len(parts) <= LEVELS and bool(SHORT_NAME.fullmatch(parts[-1]))
            and all(map(FOLDER_NAME.fullmatch, parts[:-1])))


def check_surface(surface: Surface, file_set_id: str, vouched: bool) -> Iterator[Finding]:
    """``vouched``: the disc carries a list of hashes, so what no file covers must be clean too."""
    if surface.volume_id.rstrip() != file_set_id.rstrip():
        yield _finding("R12-1b", "the volume has another name than the file-set")
    if surface.system_id.strip():
        yield _finding("R12-1c", "the system identifier is not blank")
    for label in surface.dirty[:LISTED]:
        yield _finding("N7" if vouched else "R12-1e",
                       "unused bytes behind this file are not zero" if label
                       else "unused bytes before or behind the files are not zero", label)
    if not surface.paths:
        yield _finding("R12-1f", "a path table leads elsewhere than the folders")
    if not surface.stated:
        yield _finding("M30", "files lie behind the end that the volume states")
    for rule, words, label in surface.troubles:
        yield _finding(rule, words, label)
    if surface.sealed is False:
        yield _finding("N7", "volume descriptors, directories or path tables were changed")


def check_profile(kind: str, members: Sequence[Member], length: int, profile: Profile,
                  revision: int = 0) -> Iterator[Finding]:
    """Container and sizes against the medium of the profile; ``length`` of the whole in bytes,
    ``revision``: `Surface.revision`."""
    medium = profile.medium
    if kind not in CARRIER[medium.kind]:
        yield _finding("R12-8", f"{profile.name} is for {medium.kind.upper()}, this is {_a(kind)}")
    wanted = UDF_OF.get(medium.kind, ()) if kind == "iso" else ()
    if wanted and revision not in wanted:
        words = f"UDF {udf_words(revision)}" if revision else "no UDF"
        yield _finding("R12-3", f"the image has {words}; {medium.kind.upper()} has "
                       + " or ".join(map(udf_words, wanted)))
    capacity = max((CAPACITY[disc] or 1 << 62 for disc in medium.discs), default=1 << 62)
    if kind == "iso" and length > capacity:
        yield _finding("R12-1d", f"the image has {length} bytes, the medium holds {capacity}")
    yield from _limited(_finding("R12-4", "it is larger than a file may be", member.label)
                        for member in members if member.length > medium.largest_file)


def _a(kind: str) -> str:
    return {"iso": "an ISO image", "zip": "a ZIP", "tar": "a tar", "folder": "a folder"}.get(
        kind, "one file")


def _finding(rule: str, text: str, subject: str = "") -> Finding:
    return Finding("error", "rule-" + rule.lower(), subject, text, rule)


def _limited(findings: Iterable[Finding]) -> Iterator[Finding]:
    count = 0
    for finding in findings:
        count += 1
        if count <= LISTED:
            yield finding
    if count > LISTED:
        yield _finding(finding.rule, f"and {count - LISTED} more files")
