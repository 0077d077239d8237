"""A disc while it is judged: opened, its directory and its list of hashes read (in children)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.media.checking.verdict import Trial
from mediasvc.media.disc.disc_file import DICOMDIR, MANIFEST
from mediasvc.media.iso.iso_witness import MOST_FILES
from mediasvc.media.long_list import LongList
from mediasvc.media.member import Member
from mediasvc.model import Finding
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Limits
from mediasvc.work.checking.members_listed import HASHES, ByPath, Hashes
from mediasvc.work.intake.discover import PAGE, Source, refusal
from mediasvc.work.intake.expectations import EXPECTED
from mediasvc.work.intake.listed import member_list

CHILD = "mediasvc.work.checking.check_members"
#: Codes of package findings that say that readers of one list see another disc than others.
TWO_LISTS = ("iso-trees-differ", "iso-trees-contradict", "disc-trees-differ",
             "disc-trees-contradict", "udf-notice", "udf-unreadable")
#: Rules of package findings that say that an image was cut.
CUT = frozenset({"M30", "M31"})


@dataclass(slots=True)
class Disc:
    """``hashes``: of its files as the disc itself says; None when it carries no such list.

    ``syntaxes``: how many files DICOMDIR says to be in each transfer syntax. ``missing_keys``: key
    set → what the records lack of it.
    """

    sandbox: Sandbox
    source: Source
    kind: str
    members: LongList[Member]
    by_path: ByPath
    trial: Trial = field(default_factory=Trial)
    root: tuple[str, ...] = ()
    """The folder of DICOMDIR, from which File IDs count."""
    file_set_id: str = ""
    file_set_uid: str = ""
    syntaxes: Counter[str] = field(default_factory=Counter)
    missing_keys: dict[str, list[Finding]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    hashes: Hashes | None = None
    in_place: bool = False
    """Whether children can read the files without opening the package (`Package.in_place`)."""

    @property
    def expectations(self) -> Path:
        """What DICOMDIR says of each file that it names; see `work.expectations`."""
        return self.source.scratch / EXPECTED

    @property
    def has_witness(self) -> bool:
        """Images of ours are shown to a reader of another code base, too. What it makes of those
        of strangers would say more of it than of them."""
        return self.kind == "iso" and self.hashes is not None and len(self.members) <= MOST_FILES

    def fail(self, rule: str, text: str, subject: str = "") -> None:
        self.trial.add([Finding("error", "rule-" + rule.lower(), subject, text, rule)])

    def call(self, function: str, **arguments: Any) -> Answer:
        return self.sandbox.call(f"{CHILD}:{function}", **arguments, **self.arguments())

    def file(self, member: Member) -> dict[str, Any]:
        """What a child needs to read that file."""
        at = [member.position, member.length, member.parts] if self.in_place else None
        return {"number": member.number, "at": at}

    def ask(self, questions: dict[str, dict[str, Any]]) -> dict[str, Answer]:
        """Answers to several questions, by different children where there are some."""
        return {answer.key: answer for answer in self.sandbox.map(f"{CHILD}:ask", (
            (name, {"question": name, **more, **self.arguments()})
            for name, more in questions.items()))}

    def arguments(self) -> dict[str, Any]:
        return _arguments(self.source)


@dataclass(frozen=True, slots=True)
class _Listing:
    """A medium as a child lists it; ``in_place`` as `Disc` has it."""

    kind: str
    in_place: bool
    members: LongList[Member]
    findings: list[Finding]


def open_disc(path: Path, sandbox: Sandbox, limits: Limits, scratch: Path,
              password: str | None = None) -> Disc:
    """List the medium. Raises DamagedError when nothing of it can be listed."""
    source = Source(path.absolute(), scratch, limits.model_copy(update={"nesting": 0}),
                    password=password)
    listing = _list(sandbox, source)
    disc = Disc(sandbox, source, listing.kind, listing.members, ByPath(listing.members),
                in_place=listing.in_place)
    for finding in listing.findings:
        if finding.rule in CUT:
            disc.fail("M30", finding.text, finding.subject)
        elif finding.code in TWO_LISTS:
            disc.fail("R12-2", finding.text, finding.subject)
        elif finding.code == "zip-names-odd":
            disc.fail("R12-5", finding.text, finding.subject)
        elif finding.severity == "error":
            disc.fail("M00", finding.text, finding.subject)
    member, listed = _directory_of(disc), disc.by_path.find((MANIFEST,))
    answers = disc.ask({
        **({"directory": disc.file(member)} if member else {}),
        **({"hash_list": disc.file(listed)} if listed else {})})
    if member:
        _hear_directory(disc, member, answers["directory"])
    if listed:
        _hear_hash_list(disc, listed, answers["hash_list"])
    return disc


def _list(sandbox: Sandbox, source: Source) -> _Listing:
    """Page by page."""
    members, findings = member_list(source.scratch), list[Finding]()
    while True:
        answer = sandbox.call(f"{CHILD}:listing", first=len(members), count=PAGE,
                              **_arguments(source))
        if answer.error:
            raise refusal(answer)
        page = answer.value
        findings += [Finding(**row) for row in page["findings"]]
        members.extend(Member.from_json(number, row) for number, row in enumerate(
            page["members"], len(members)))
        if len(members) >= int(page["total"]) or not page["members"]:
            return _Listing(str(page["kind"]), bool(page["in_place"]), members, findings)


def _arguments(source: Source) -> dict[str, Any]:
    """What a child needs to open the same package."""
    whole = source.arguments()
    return {key: whole[key] for key in ("path", "limits", "scratch", "password")}


def _directory_of(disc: Disc) -> Member | None:
    """The DICOMDIR of the root, or the nearest to it."""
    named = sorted((member for member in disc.members
                    if member.parts[-1].partition(";")[0].rstrip(".").upper() == DICOMDIR),
                   key=lambda member: len(member.parts))
    disc.expectations.touch()
    if not named:
        disc.fail("R10-1", "there is no DICOMDIR")
        return None
    member = named[0]
    if member.parts != (DICOMDIR,):
        disc.fail("R10-1", "DICOMDIR has another name or stands in a folder", member.label)
    for other in named[1:]:
        disc.fail("R10-1", "there is another DICOMDIR", other.label)
    disc.root = member.parts[:-1]
    return member


def _hear_directory(disc: Disc, member: Member, answer: Answer) -> None:
    if answer.error:
        disc.fail("R10-1b", _sentence(answer), member.label)
        return
    disc.file_set_id = str(answer.value["file_set_id"])
    disc.file_set_uid = str(answer.value["file_set_uid"])
    disc.syntaxes.update(answer.value["syntaxes"])
    disc.trial.add(Finding(**(row | {"subject": row["subject"] or member.label}))
                   for row in answer.value["findings"])
    disc.missing_keys = {name: [Finding(**row) for row in rows]
                         for name, rows in answer.value["missing_keys"].items()}


def _hear_hash_list(disc: Disc, member: Member, answer: Answer) -> None:
    if answer.error:
        disc.hashes = Hashes(len(disc.members))
        disc.fail("N7", _sentence(answer), member.label)
    elif answer.value:
        disc.facts, disc.hashes = dict(answer.value["facts"]), Hashes(len(disc.members))
        disc.hashes.take(disc.source.scratch / HASHES, disc.by_path)


def _sentence(answer: Answer) -> str:
    return answer.text if answer.text else DamagedError.__doc__ or ""
