"""What a package holds: every file of it, seen through the sandbox (for inspect and ingest)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, get_args

from mediasvc.errors import (
    BudgetError,
    DamagedError,
    MediasvcError,
    MediumError,
    PasswordNeeded,
)
from mediasvc.media.disc.disc_file import DICOMDIR
from mediasvc.media.member import Member
from mediasvc.model import Finding, InstanceHeader, Role
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.work.intake.listed import member_list
from mediasvc.work.turns.batches import Item, run_batches
from mediasvc.work.turns.said import said_of

PAGE = 5_000
#: A file of the package could not be read: nobody knows what was in it, so the package waits.
MEDIUM_ERROR = "medium-error"
#: A silent zero is a fault (FIELD 2): nothing to take in is said.
NOTHING_DICOM = Finding("error", "nothing-dicom", "",
                        "There is no DICOM image or report in this package.", "FIELD 2")
BATCH = 32
#: Members that are looked at before all others, so few at a time that each child opens the package.
FIRST, FEW = 8, 3
Report = Callable[[int, int, str], None]
Request = Callable[[int], Item]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a package is read from, and what its children need to open it."""

    path: Path
    scratch: Path
    limits: Limits
    ignore: tuple[str, ...] = ()
    password: str | None = None

    def arguments(self) -> dict[str, Any]:
        return {"path": str(self.path), "scratch": str(self.scratch), "password": self.password,
                "limits": self.limits.model_dump(), "ignore": list(self.ignore)}


@dataclass(frozen=True, slots=True)
class Listing:
    """``directories``: numbers of the members that are named like a DICOMDIR."""

    kind: str
    members: Sequence[Member]
    findings: tuple[Finding, ...]
    directories: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """One DICOMDIR of the package. The files that it names (`Reference` as JSON, one a line) are in
    ``spool``, because there may be hundreds of thousands."""

    number: int
    label: str
    parts: tuple[str, ...]
    file_set_id: str
    file_set_uid: str
    spool: Path


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the package after screening. ``span`` is None when it could not be read."""

    member: Member
    role: Role
    length: int
    sha256: str = ""
    header: InstanceHeader | None = None
    span: Span | None = None
    findings: tuple[Finding, ...] = ()
    directory: Directory | None = None
    written: dict[str, Any] | None = None
    """What `filing.write_ahead` answered, with the sha256 as received."""


@dataclass(slots=True)
class _Budget:
    """Bytes of the whole package, counted as they are produced (FAULTS M16)."""

    left: int
    spent: bool = field(default=False)

    def take(self, length: int) -> None:
        self.left -= length
        if self.left < 0:
            raise BudgetError("The package holds more bytes than limits.package_bytes allows.")


def list_package(sandbox: Sandbox, source: Source) -> Listing:
    """Names and places of all members, in reading order.

    Raises PasswordNeeded, or DamagedError with words for the clerk when it cannot be opened.
    """
    members, directories = member_list(source.scratch), list[int]()
    findings: tuple[Finding, ...] = ()
    kind, total = "", 1
    while len(members) < total:
        answer = sandbox.call("mediasvc.work.intake.opened:list_members",
                              first=len(members), count=PAGE, **source.arguments())
        if answer.error:
            raise refusal(answer)
        page = answer.value
        kind, total = str(page["kind"]), int(page["total"])
        findings = findings or tuple(Finding(**row) for row in page["findings"])
        for number, row in enumerate(page["members"], len(members)):
            members.append(Member.from_json(number, row))
            if members[number].parts[-1].upper() == DICOMDIR:
                directories.append(number)
        if not page["members"]:
            break
    return Listing(kind, members, findings, tuple(directories))


def screen_package(sandbox: Sandbox, source: Source, listing: Listing, report: Report,
                   request: Request = lambda number: {"number": number}) -> Iterator[Found]:
    """Every member once, in order of completion. Raises BudgetError when the package is too big.

    ``request`` says what is asked of a member; those behind the first few are asked for when these
    have been looked at.
    """
    budget = _Budget(source.limits.package_bytes)
    items = _in_order(listing, request)
    total, unread = len(listing.members), []
    answers = chain.from_iterable(run_batches(
        sandbox, "mediasvc.work.intake.screen:screen_members", part, size, **source.arguments())
        for part, size in ((islice(items, FIRST), FEW), (items, BATCH)))
    for done, (item, answer) in enumerate(answers):
        member = listing.members[item["number"]]
        report(done + 1, total, "looking at")
        if answer.error == MediumError.__name__:  # it was asked often enough
            yield Found(member, "refused", member.length, findings=(_unreadable(member, answer),))
            continue
        if answer.error:
            unread.append((item, answer))
            continue
        budget.take(int(answer.value["length"]))
        yield _found(member, answer.value)
    yield from _unread(sandbox, source, listing, unread)


def _in_order(listing: Listing, request: Request) -> Iterator[Item]:
    """As they lie, but a DICOMDIR, which takes as long as a hundred images, soon: at the end of a
    folder nobody else would have anything to do meanwhile."""
    there = {*listing.directories}
    others = (request(member.number) for member in listing.members if member.number not in there)
    return chain(islice(others, FIRST), ({"number": number} for number in listing.directories),
                 others)


def _unread(sandbox: Sandbox, source: Source, listing: Listing, unread: list[tuple[Item, Answer]],
            ) -> Iterator[Found]:
    """What no child could look at: refused, but its bytes are still identified where possible.

    A large file is mapped, and a child that comes to a scratch then dies: reading tells it apart.
    """
    reasons = {item["number"]: answer for item, answer in unread}
    for item, hashed in run_batches(sandbox, "mediasvc.work.intake.screen:hash_members",
                                    [item for item, _ in unread], 1, **source.arguments()):
        member, answer = listing.members[item["number"]], reasons[item["number"]]
        if hashed.error == MediumError.__name__:
            answer = hashed
        refused = Found(member, "refused", member.length,
                        findings=(_unreadable(member, answer),))
        if not hashed.error:
            refused = replace(refused, sha256=hashed.value["sha256"],
                              length=int(hashed.value["length"]),
                              span=Span.from_json(hashed.value["span"]))
        yield refused


def _unreadable(member: Member, answer: Answer) -> Finding:
    if answer.error == MediumError.__name__:
        return Finding("error", MEDIUM_ERROR, member.label, f"This file {answer.text}.", "M28")
    return Finding("error", "unreadable", member.label, said_of("This file", answer.text), "X04")


def _found(member: Member, row: dict[str, Any]) -> Found:
    header = InstanceHeader.from_json(row["header"]) if "header" in row else None
    return Found(
        member=member, role=_role(row["role"]), length=int(row["length"]),
        sha256=str(row["sha256"]), header=header, span=Span.from_json(row["span"]),
        findings=tuple(_subject(Finding(**f), member) for f in row["findings"]),
        directory=_directory(member, row["dicomdir"]) if "dicomdir" in row else None,
        written=written | {"sha256": row["sha256"]} if (written := row.get("written")) else None,
    )


def _role(text: Any) -> Role:
    if text not in get_args(Role):
        raise DamagedError("A child gave an answer that makes no sense.")
    role: Role = text
    return role


def _subject(finding: Finding, member: Member) -> Finding:
    return finding if finding.subject else replace(finding, subject=member.label)


def _directory(member: Member, row: dict[str, Any]) -> Directory:
    return Directory(member.number, member.label, member.parts, str(row["file_set_id"]),
                     str(row["file_set_uid"]), Path(row["spool"]))


def refusal(answer: Answer) -> MediasvcError:
    """What to raise when a package could not be listed."""
    if answer.error == "PasswordNeeded":
        return PasswordNeeded(answer.text)
    return DamagedError(said_of("The package", answer.text) if answer.text[:1].islower()
                        else answer.text)
