"""Every file of a disc against its DICOMDIR, its list of hashes and the profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from mediasvc.media.checking.check_medium import is_left_behind
from mediasvc.media.disc.disc_file import DICOMDIR, MANIFEST, MANIFEST_SIGNATURE
from mediasvc.media.iso.arrival import Arrival
from mediasvc.media.labels import fold
from mediasvc.media.member import Member
from mediasvc.model import Finding
from mediasvc.sandbox import Answer
from mediasvc.standard.profiles import Profile
from mediasvc.standard.sop_classes import RECORD_TYPE_OF
from mediasvc.work.checking.disc_under_test import CHILD, Disc
from mediasvc.work.checking.members_listed import Uids
from mediasvc.work.intake.expectations import read_places
from mediasvc.work.turns.batches import Item, run_batches

BATCH = 16
Report = Callable[[int, int, str], None]


@dataclass(slots=True)
class Seen:
    """What the files are, all together."""

    dicom: bytearray
    """By number of the member: 1 for DICOMDIR and all DICOM files."""
    instances: int = 0
    uids: Uids = field(default_factory=Uids)
    patients: set[str] = field(default_factory=set)
    whole: dict[str, Answer] = field(default_factory=dict)
    """What was asked of the image as a whole: ``surface``, ``witness``."""


def check_files(disc: Disc, profile: Profile, report: Report,
                arrival: Arrival | None = None) -> Seen:
    """Read every file once, when ``arrival`` says that it is there; what is wrong goes into
    ``disc.trial``."""
    total = len(disc.members)
    seen = Seen(bytearray(total))
    items = _arriving(disc, arrival) if arrival else chain(_whole(disc), _items(disc))
    for done, (item, answer) in enumerate(run_batches(
            disc.sandbox, f"{CHILD}:check_members", items, BATCH,
            key_set=profile.directory_keys, keywords=profile.keywords,
            hashed=disc.hashes is not None, **disc.arguments())):
        if "whole" in item:
            seen.whole[item["whole"]] = answer
            continue
        member = disc.members[item["number"]]
        if answer.error:
            disc.fail("M00", f"this file {answer.text}", member.label)
        else:
            _note(disc, profile, seen, member, item["expected"] is not None, answer.value)
        report(min(done + 1, total), total, "checking")
    if len(seen.patients) > 1:
        disc.fail("E03", f"there are images of {len(seen.patients)} patients")
    if not seen.instances:
        disc.fail("R11-3", "there is no DICOM file")
    for number in seen.uids.again():
        disc.fail("U01", "another file has the same SOP Instance UID", disc.members[number].label)
    for path in disc.hashes.missing if disc.hashes else ():
        disc.fail("N7", "the list of hashes names this file, and it is not there", path)
    return seen


def _whole(disc: Disc) -> Iterator[Item]:
    """Questions that one child answers while another already looks at the files."""
    if disc.kind == "iso":
        yield {"whole": "surface"}
    if disc.has_witness:
        yield {"whole": "witness"}


def _arriving(disc: Disc, arrival: Arrival) -> Iterator[Item]:
    """The same of an image that is still written. What vouches for its tables, and for what lies
    between the files, is asked as soon as nobody writes any more."""
    whole = list(_whole(disc))
    later = [item for item in whole if item["whole"] == "surface"]
    yield from (item for item in whole if item not in later)
    for item in _items(disc):
        member = disc.members[item["number"]]
        arrival.wait(member.position + member.length)
        if later and arrival.is_whole:
            yield later.pop()
        yield item
    arrival.wait_whole()
    yield from later


def _items(disc: Disc) -> Iterator[Item]:
    """Referenced files in the order of DICOMDIR, then the others."""
    folded: dict[str, Member] = {}
    named = bytearray(len(disc.members))
    for file_id, place in read_places(disc.expectations):
        parts = disc.root + file_id
        member = disc.by_path.find(parts)
        if member is None:
            folded = folded or {_folded(member.parts): member
                                for member in reversed(disc.members)}
            if member := folded.get(_folded(parts)):
                disc.fail("R10-3b", "DICOMDIR gives this file another name", member.label)
        if member is None:
            disc.fail("R10-4", "DICOMDIR names this file, and it is not there", "/".join(parts))
        elif not named[member.number]:
            named[member.number] = 1
            yield {**disc.file(member), "expected": place}
    for member in disc.members:
        if not named[member.number]:
            yield {**disc.file(member), "expected": None}


def _folded(parts: tuple[str, ...]) -> str:
    """Equal for names that differ in case, version, a trailing dot or an extension."""
    *folders, name = map(fold, parts)
    return "/".join((*folders, name.partition(";")[0].partition(".")[0]))


def _note(disc: Disc, profile: Profile, seen: Seen, member: Member, expected: bool,
          row: dict[str, Any]) -> None:
    disc.trial.add(replace(Finding(**finding), subject=member.label)
                   for finding in row["findings"])
    _check_hash(disc, member, str(row["sha256"]))
    for link in row.get("links", ()):
        if disc.by_path.find(tuple(link.split("/"))) is None:
            disc.fail("PDI-3", "a link on this page leads nowhere", member.label)
    if row["role"] == "dicomdir":
        seen.dicom[member.number] = 1
        if member.parts[-1] != DICOMDIR:
            disc.fail("R10-1", "there is a DICOMDIR under another name", member.label)
    elif row["role"] == "instance":
        seen.instances += 1
        seen.dicom[member.number] = 1
        if not expected:
            disc.fail("R11-3", "DICOMDIR does not name this DICOM file", member.label)
        _check_instance(disc, profile, seen, member, row)
    elif expected:
        disc.fail("R10-4", "DICOMDIR names this file, and it is no DICOM file", member.label)


def _check_instance(disc: Disc, profile: Profile, seen: Seen, member: Member,
                    row: dict[str, Any]) -> None:
    if uid := row["sop_instance_uid"]:
        seen.uids.add(uid, member.number)
        seen.patients.add(row["patient_id"])
    if row["transfer_syntax_uid"] not in profile.transfer_syntaxes:
        disc.fail("R11-1", f"its transfer syntax is not allowed by {profile.name}", member.label)
    if not profile.sop_classes and row["sop_class_uid"] not in RECORD_TYPE_OF and profile.standard:
        disc.fail("R11-2", "its SOP class is none of Media Storage (PS3.4 Table I.4-1)",
                  member.label)
    elif not profile.allows(row["sop_class_uid"]):
        disc.fail("R11-2", f"its SOP class is not allowed by {profile.name}", member.label)
    elif words := profile.trouble(row["sop_class_uid"], row["transfer_syntax_uid"], row["facts"]):
        disc.fail("R11-2b", f"{profile.name}: {words}", member.label)


def _check_hash(disc: Disc, member: Member, sha256: str) -> None:
    if disc.hashes is None or member.parts in ((MANIFEST,), (MANIFEST_SIGNATURE,)):
        return
    listed = disc.hashes[member.number]
    if listed is None and disc.kind == "folder" and is_left_behind(member.parts):
        return  # a stick gets such a file wherever it is plugged in; PDI-2c tells of it
    if listed is None:
        disc.fail("N7", "the list of hashes on the disc does not know this file", member.label)
    elif listed != sha256:
        disc.fail("N7", "the file was changed: its hash is not the listed one", member.label)
