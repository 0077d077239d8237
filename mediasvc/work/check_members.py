"""The child's side of check-disc: everything that reads bytes of the disc."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.media.check_directory import check_directory
from mediasvc.media.check_instance import InstanceCheck, check_instance
from mediasvc.media.check_page import check_page, check_readme, is_page
from mediasvc.media.disc_file import README
from mediasvc.media.fetch import fetch
from mediasvc.media.hash_list import is_hash_list, read_hash_list
from mediasvc.media.image_reader import LARGE, ImageReader
from mediasvc.media.iso_surface import read_surface
from mediasvc.media.member import Member
from mediasvc.media.package import Package, open_package
from mediasvc.media.plain_instance import Witness
from mediasvc.span import Span
from mediasvc.work.batches import Item, each
from mediasvc.work.expectations import EXPECTED, Expectations, Spool, own_of, write_places
from mediasvc.work.limits_given import limits_given

#: What is told of a file beside its findings; `asdict` would copy every value of it.
_TOLD = tuple(field.name for field in fields(InstanceCheck) if field.name != "findings")
#: More than any list of hashes or signature has.
SMALL = 256 << 20


class _Open:
    """What this child has open between calls, for one verdict: the package, what its DICOMDIR says,
    and whom pydicom was asked about."""

    key = ("", "")
    package: Package | None = None
    expectations: Expectations
    witness: Witness
    reader: ImageReader


def _package(path: str, limits: dict[str, Any], scratch: str, password: str | None) -> Package:
    if _Open.package is None or _Open.key != (path, scratch):
        if _Open.package is not None:
            _Open.package.close()
            _Open.expectations.close()
            _Open.reader.close()
            _Open.package = None
        package = open_package(Path(path), limits_given(limits), scratch=Path(scratch),
                               password=password)
        _Open.expectations, _Open.witness = Expectations(Path(scratch) / EXPECTED), Witness()
        _Open.reader = ImageReader(path)
        _Open.package, _Open.key = package, (path, scratch)
    return _Open.package


def ready(**source: Any) -> None:
    """Have the package open when the files come."""
    _package(**source)


def listing(first: int, count: int, **source: Any) -> dict[str, Any]:
    """One page of the members; the page from 0 also brings the findings."""
    package = _package(**source)
    page = (package.member(number) for number in range(first, min(first + count, len(package))))
    return {
        "kind": package.kind, "total": len(package),
        "members": [(one.label, one.parts, one.length, one.position,
                     [] if one.shown == one.parts else one.shown) for one in page],
        "findings": [asdict(finding) for finding in package.findings] if first == 0 else [],
    }


def surface(**source: Any) -> dict[str, Any]:
    """`Surface` of an ISO image."""
    package = _package(**source)
    return read_surface(Span.of_file(package.path), list(package.members()),
                        limits_given(source["limits"])).as_json()


def witness(**source: Any) -> str:
    """How pycdlib sees other files in the image than we do; empty where it agrees."""
    from mediasvc.media.iso_witness import disagreement

    package = _package(**source)
    return disagreement(package.path, package.members())


def directory(number: int, **source: Any) -> dict[str, Any]:
    """Judge the DICOMDIR; what it expects of each file goes into `EXPECTED` of the scratch folder,
    see `expectations`."""
    package, target = _package(**source), Path(source["scratch"]) / EXPECTED
    spool = Spool(own_of(target))
    try:
        with package.span(package.member(number)).view() as view:
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


def hash_list(number: int, **source: Any) -> dict[str, Any]:
    """``{}`` when the file is no list of ours. Raises DamagedError when it was changed."""
    package = _package(**source)
    with package.span(package.member(number)).view() as view:
        if not is_hash_list(bytes(view[:64])):
            return {}
        found = read_hash_list(bytes(view))
    return {"facts": dict(found.facts), "hashes": dict(found.hashes)}


def mail(path: str, folder: str) -> dict[str, Any]:
    """Take a message apart; see `mail_read.Mail`."""
    from mediasvc.media.mail_read import take_apart

    found = take_apart(Path(path), Path(folder))
    return {"medium": str(found.medium), "kind": found.kind,
            "findings": [asdict(row) for row in found.findings]}


def raw(number: int, **source: Any) -> dict[str, Any]:
    """A small file of the disc, as hexadecimal digits."""
    package = _package(**source)
    span = package.span(package.member(number))
    if span.length > SMALL:
        raise DamagedError("it is too long")
    with span.view() as view:
        return {"hex": view.hex()}


def certificate(path: str) -> dict[str, Any]:
    """The certificate beside an image; ``{}`` when that file is something else."""
    try:
        row = json.loads(Path(path).read_text("utf-8"))
    except ValueError:
        return {}
    return row if isinstance(row, dict) and "certificate" in row else {}


def check_members(items: list[Item], key_set: str, keywords: list[str], hashed: bool = True,
                  **source: Any) -> list[Any]:
    """For each ``{"number", "expected"}``: sha256, role, UIDs, facts, findings and links.

    ``{"whole": …}`` stands for a question about the whole image, `surface` or `witness`. Unless
    ``hashed``, nobody asks for the sha256.
    """
    package, scratch = _package(**source), Path(source["scratch"])
    members = {number: package.member(number) for item in items
               if (number := item.get("number")) is not None}
    spans: dict[int, Span] = {}
    if package.kind == "iso":
        spans = {number: package.span(member) for number, member in members.items()}
        fetch(Path(source["path"]), (span for span in spans.values() if span.length < LARGE))
        _Open.reader.expect(spans.values())
    return each(lambda item: (
        WHOLE[item["whole"]](**source) if "whole" in item else
        _check(package, members[item["number"]], spans.get(item["number"]), item["expected"],
               scratch, key_set=key_set, keywords=keywords, hashed=hashed)), items)


def ask(question: str, **arguments: Any) -> Any:
    """What several children are asked at the same time."""
    return QUESTIONS[question](**arguments)


#: What may be asked beside the files, while they are looked at; and before them.
WHOLE: dict[str, Callable[..., Any]] = {"surface": surface, "witness": witness}
QUESTIONS: dict[str, Callable[..., Any]] = {
    "ready": ready, "listing": listing, "directory": directory, "hash_list": hash_list}


def _check(package: Package, member: Member, found_at: Span | None, place: Any, scratch: Path, *,
           key_set: str, keywords: list[str], hashed: bool) -> dict[str, Any]:
    expected = _Open.expectations.expected(place) if place else None
    span = found_at or package.span(member)
    with _Open.reader.view(span) as view:
        row: dict[str, Any] = {"sha256": hashlib.sha256(view).hexdigest() if hashed else ""}
        found = check_instance(view, expected, key_set, keywords, _Open.witness)
        findings = list(found.findings)
        if found.role == "non_dicom" and is_page(member.parts):
            more, row["links"] = check_page(view, member.parts)
            findings += more
        elif member.parts == (README,):
            findings += check_readme(view)
    if span.path.startswith(f"{scratch}/"):
        Path(span.path).unlink(missing_ok=True)  # unpacked from a zip: one at a time is enough
    return row | {name: getattr(found, name) for name in _TOLD} | {
        "findings": [asdict(finding) for finding in findings]}
