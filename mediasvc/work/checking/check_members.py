"""The child's side of check-disc: everything that reads bytes of the disc."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.media.checking.check_directory import check_directory
from mediasvc.media.checking.check_instance import InstanceCheck, check_instance
from mediasvc.media.checking.check_page import check_page, check_readme, is_page
from mediasvc.media.checking.check_video import check_video, is_video
from mediasvc.media.checking.plain_instance import Witness
from mediasvc.media.disc.disc_file import README
from mediasvc.media.disc.hash_list import hash_list_rows, is_hash_list
from mediasvc.media.fetch import fetch
from mediasvc.media.iso.image_reader import LARGE, ImageReader
from mediasvc.media.iso.iso_surface import read_surface
from mediasvc.media.member import Member
from mediasvc.media.package import Package
from mediasvc.span import Span
from mediasvc.work.checking.members_listed import HASHES
from mediasvc.work.checking.members_told import MEMBERS, note_members, noted_members
from mediasvc.work.checking.sums import Sums
from mediasvc.work.intake.expectations import EXPECTED, Expectations, Spool, own_of, write_places
from mediasvc.work.intake.listed import member_list
from mediasvc.work.intake.opened import opened
from mediasvc.work.turns.batches import Item, each
from mediasvc.work.turns.limits_given import limits_given

#: What is told of a file beside its findings; `asdict` would copy every value of it.
_TOLD = tuple(field.name for field in fields(InstanceCheck) if field.name != "findings")
#: More than any list of hashes or signature has.
SMALL = 256 << 20
#: What is read of a certificate at first; where the instances begin in one of ours, and its end.
HEAD, INSTANCES, END = 1 << 20, b',\n "instances": [', b"\n ]\n}\n"


@dataclass(slots=True)
class _Open:
    """What this child has open between calls, for one verdict: what DICOMDIR says, and whom pydicom
    was asked about. The package only where nobody told it where the files lie (`members_told`)."""

    key: tuple[str, str]
    expectations: Expectations
    reader: ImageReader
    witness: Witness = field(default_factory=Witness)

    def close(self) -> None:
        self.expectations.close()
        self.reader.close()


_kept: list[_Open] = []


def _opened(path: str, scratch: str, **more: Any) -> _Open:
    if not _kept or _kept[0].key != (path, scratch):
        for one in _kept:
            one.close()
        _kept[:] = [_Open((path, scratch), Expectations(Path(scratch) / EXPECTED),
                          ImageReader(path))]
    return _kept[0]


def _package(**source: Any) -> Package:
    return opened(**source, ignore=[])


def _span(number: int, at: Sequence[Any] | None, **source: Any) -> Span:
    """Of a file, ``at`` its place where that is known."""
    if at is not None:
        return Span(source["path"], at[0], at[1])
    package = _package(**source)
    return package.span(package.member(number))


def listing(first: int, count: int, **source: Any) -> dict[str, Any]:
    """One page of the members; the page from 0 also brings the findings."""
    package = _package(**source)
    page = [package.member(number) for number in range(first, min(first + count, len(package)))]
    if package.in_place:
        note_members(page, Path(source["scratch"]) / MEMBERS, first == 0)
    return {
        "kind": package.kind, "total": len(package), "in_place": package.in_place,
        "members": [member.as_json() for member in page],
        "findings": [asdict(finding) for finding in package.findings] if first == 0 else [],
    }


def surface(**source: Any) -> dict[str, Any]:
    """`Surface` of an ISO image."""
    members = member_list(Path(source["scratch"]))
    members.extend(_members(**source))
    return read_surface(Span.of_file(source["path"]), members,
                        limits_given(source["limits"])).as_json()


def witness(**source: Any) -> str:
    """How pycdlib sees other files in the image than we do; empty where it agrees."""
    from mediasvc.media.iso.iso_witness import disagreement

    return disagreement(Path(source["path"]), _members(**source))


def _members(**source: Any) -> Iterator[Member]:
    """All of the disc, as the child told that listed it."""
    noted = Path(source["scratch"]) / MEMBERS
    return noted_members(noted) if noted.exists() else _package(**source).members()


def directory(number: int, at: Sequence[Any] | None = None, **source: Any) -> dict[str, Any]:
    """Judge the DICOMDIR; what it expects of each file goes into `EXPECTED` of the scratch folder,
    see `expectations`."""
    target = Path(source["scratch"]) / EXPECTED
    spool = Spool(own_of(target))
    try:
        with _span(number, at, **source).view() as view:
            found = check_directory(view, spool)
    finally:
        spool.close()
    write_places(found, target)
    return {
        "file_set_id": found.file_set_id, "file_set_uid": found.file_set_uid,
        "syntaxes": dict(found.syntaxes), "records": len(found.records),
        "findings": [asdict(row) for row in found.findings],
        "missing_keys": {name: [asdict(row) for row in rows]
                         for name, rows in found.missing_keys.items()},
    }


def hash_list(number: int, at: Sequence[Any] | None = None, **source: Any) -> dict[str, Any]:
    """``{}`` when the file is no list of ours; the hashes go into `HASHES` of the scratch folder.
    Raises DamagedError when it was changed."""
    facts = {}
    with (_span(number, at, **source).view() as view,
          (Path(source["scratch"]) / HASHES).open("w", encoding="utf-8") as lines):
        if not is_hash_list(bytes(view[:64])):
            return {}
        for is_fact, name, value in hash_list_rows(view):
            if is_fact:
                facts[name] = value
            else:
                lines.write(f"{value}  {name}\n")
    return {"facts": facts}


def mail(path: str, folder: str, password: str | None) -> dict[str, Any]:
    """Take a message apart; see `mail_read.Mail`."""
    from mediasvc.media.packed.mail_read import take_apart

    found = take_apart(Path(path), Path(folder), password)
    return {"medium": str(found.medium), "kind": found.kind, "secure": found.secure,
            "findings": [asdict(row) for row in found.findings]}


def raw(number: int, at: Sequence[Any] | None = None, **source: Any) -> dict[str, Any]:
    """A small file of the disc, as hexadecimal digits."""
    span = _span(number, at, **source)
    if span.length > SMALL:
        raise DamagedError("it is too long")
    with span.view() as view:
        return {"hex": view.hex()}


def certificate(path: str) -> dict[str, Any]:
    """The sha256 in the certificate beside an image; ``{}`` when that file is something else.

    A certificate of ours ends with its instances, of which there may be more than memory is for:
    nothing is asked of them here.
    """
    with Path(path).open("rb") as file:
        head, ours, _ = file.read(HEAD).partition(INSTANCES)
        if ours:
            file.seek(-len(END), os.SEEK_END)
            text = head + b"}" if file.read() == END else b""
        else:
            file.seek(0)
            text = file.read()
    try:
        row = json.loads(text)
    except ValueError:
        return {}
    known = isinstance(row, dict) and "certificate" in row
    return {"sha256": row.get("sha256")} if known else {}


def check_members(items: list[Item], key_set: str, keywords: list[str], hashed: bool = True,
                  **source: Any) -> list[Any]:
    """For each ``{"number", "at", "expected"}``: sha256, role, UIDs, facts, findings and links.

    ``{"whole": …}`` stands for a question about the whole image, `surface` or `witness`. Unless
    ``hashed``, nobody asks for the sha256.
    """
    spans, reader = _in_image(items, **source), _opened(**source).reader
    if spans:
        fetch(Path(source["path"]), (span for span in spans.values() if span.length < LARGE))
        reader.expect(spans.values())
    sums = Sums(reader, list(spans.values())) if hashed else None
    return each(lambda item: (
        WHOLE[item["whole"]](**source) if "whole" in item else
        _check(item, spans.get(item["number"]), sums, source, key_set=key_set,
               keywords=keywords)), items)


def _in_image(items: list[Item], **source: Any) -> dict[int, Span]:
    """Where the files lie in the image that they are in, by number."""
    files = [item for item in items if "number" in item]
    if any(item["at"] is None for item in files) and _package(**source).kind != "iso":
        return {}
    return {item["number"]: _span(item["number"], item["at"], **source) for item in files}


def ask(question: str, **arguments: Any) -> Any:
    """What several children are asked at the same time."""
    return QUESTIONS[question](**arguments)


#: What may be asked beside the files, while they are looked at; and by `ask`.
WHOLE: dict[str, Callable[..., Any]] = {"surface": surface, "witness": witness}
QUESTIONS: dict[str, Callable[..., Any]] = {"directory": directory, "hash_list": hash_list}


def _check(item: Item, found_at: Span | None, sums: Sums | None, source: dict[str, Any], *,
           key_set: str, keywords: list[str]) -> dict[str, Any]:
    mine = _opened(**source)
    expected = mine.expectations.expected(item["expected"]) if item["expected"] else None
    span = found_at or _span(item["number"], None, **source)
    with mine.reader.view(span) as view:
        row: dict[str, Any] = {"sha256": sums.sha256(span, view) if sums else ""}
        found = check_instance(view, expected, key_set, keywords, mine.witness)
        findings = list(found.findings)
        parts = _parts(item, source)
        if found.role == "non_dicom" and is_page(parts):
            more, row["links"] = check_page(view, parts)
            findings += more
        elif found.role == "non_dicom" and is_video(parts):
            findings += check_video(view)
        elif parts == (README,):
            findings += check_readme(view)
    if span.path.startswith(f"{source['scratch']}/"):
        Path(span.path).unlink(missing_ok=True)  # unpacked from a zip: one at a time is enough
    return row | {name: getattr(found, name) for name in _TOLD} | {
        "findings": [asdict(finding) for finding in findings]}


def _parts(item: Item, source: dict[str, Any]) -> tuple[str, ...]:
    """The components of the name of a file."""
    if item["at"] is not None:
        return tuple(item["at"][2])
    return _package(**source).member(item["number"]).parts
