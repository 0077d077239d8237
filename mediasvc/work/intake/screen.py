"""The child's side of receiving: look at each file of a package. Runs in sandbox children."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from mediasvc.dicom.screening import examine
from mediasvc.errors import DamagedError
from mediasvc.media.directory.dicomdir import read_dicomdir
from mediasvc.media.directory.dicomdir_repairs import as_findings
from mediasvc.media.member import Member
from mediasvc.media.package import Package
from mediasvc.model import Finding
from mediasvc.span import READ_LIMIT
from mediasvc.work.intake.opened import opened
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.placing.filing import write_ahead
from mediasvc.work.turns.batches import Item, each
from mediasvc.work.turns.writer import Writer

EXECUTABLE_SUFFIXES = (
    ".exe", ".com", ".bat", ".cmd", ".scr", ".pif", ".msi", ".dll", ".vbs", ".vbe", ".jse", ".wsf",
    ".ps1", ".lnk", ".hta", ".jar", ".sh", ".app", ".reg", ".cpl",
)


@cache
def _writer() -> Writer:
    """Kept for the next batch of the same child."""
    return Writer()


def screen_members(items: list[Item], **source: Any) -> list[Any]:
    """For each ``{"number"}``: role, sha256, header, span and findings, or an error.

    With ``temp`` and ``order`` an instance is also written there, as `filing.file_items` would:
    ``written`` is its answer.
    """
    package, scratch = opened(**source), Path(source["scratch"])
    rows = each(lambda item: _screen_member(package, item, scratch), items)
    return each(_finished, rows)


def _finished(row: dict[str, Any]) -> dict[str, Any]:
    """Its file is written, or was not to be."""
    if "written" in row:
        row["written"] = row["written"].result()
    return row


def _screen_member(package: Package, item: Item, scratch: Path) -> dict[str, Any]:
    member, before = package.member(int(item["number"])), len(package.findings)
    span = package.span(member)
    noted = [asdict(finding) for finding in package.findings[before:]]
    with span.view() as view:
        row = _look(view, member, scratch,
                    item if "temp" in item and span.length <= READ_LIMIT else None)
        if "written" not in row:  # else it is not read again
            span = span.sealed(view)
    if not package.unchanged(member):
        raise DamagedError("changed while it was read")
    row["span"] = span.as_json()
    row["length"] = span.length
    row["findings"] += noted
    return row


def _look(view: memoryview, member: Member, scratch: Path, ahead: Item | None,
          ) -> dict[str, Any]:
    screening, framing = examine(view)
    row: dict[str, Any] = {
        "role": screening.role,
        "findings": [asdict(f) for f in screening.findings],
    }
    if screening.header is not None:
        row["header"] = screening.header.as_json()
    if screening.role == "dicomdir":
        spool = scratch / f"references-{member.number}.jsonl"
        row["dicomdir"] = _directory(view, row["findings"], spool)
    elif screening.role == "non_dicom":
        row["findings"] += [asdict(finding) for finding in _program(member.label, view)]
    elif ahead is not None and framing is not None and screening.role == "instance":
        begun = write_ahead(view, framing, ahead["temp"], Order.from_json(ahead["order"]),
                            _writer())
        if begun is not None:
            row["sha256"], row["written"] = begun
    if "sha256" not in row:
        row["sha256"] = hashlib.sha256(view).hexdigest()
    return row


def _directory(view: memoryview, findings: list[dict[str, Any]], spool: Path) -> dict[str, Any]:
    """What it names goes to ``spool``: a large disc's would be too long for an answer."""
    spool.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(spool, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8") as lines:
        directory = read_dicomdir(
            view, take=lambda one: lines.write(json.dumps(one.as_json()) + "\n"))
    # Of a disc with hundreds of thousands of files that is no fault, and it has its own limit.
    findings[:] = [one for one in findings if one["code"] != "too-many-elements"]
    findings += [asdict(finding) for finding in (*directory.findings,
                                                 *as_findings(directory.repairs))]
    return {"file_set_id": directory.file_set_id, "file_set_uid": directory.file_set_uid,
            "spool": str(spool)}


def _program(label: str, view: memoryview) -> Iterator[Finding]:
    """Executables and scripts are named to the clerk (FAULTS M36), never stored or run."""
    name = label.lower().rsplit("/", 1)[-1]
    start = bytes(view[:4])
    if (name == "autorun.inf" or name.endswith(EXECUTABLE_SUFFIXES)
            or start[:2] in (b"MZ", b"#!") or start == b"\x7fELF"):
        yield Finding("warning", "program-on-disc", label,
                      "This is a program or starts one; it is never run or kept.", "M36")
    elif name.endswith(".js"):  # every viewer in a browser has them, ours too
        yield Finding("info", "program-on-disc", label,
                      "This is a script of web pages; it is never run or kept.", "M36")


def hash_members(items: list[Item], **source: Any) -> list[Any]:
    """Only sha256, length and span: for files whose content no parser survived."""
    package = opened(**source)
    return each(lambda item: _hash_member(package, int(item["number"])), items)


def _hash_member(package: Package, number: int) -> dict[str, Any]:
    span = package.span(package.member(number))
    return {"sha256": span.sha256(), "length": span.length, "span": span.as_json()}
