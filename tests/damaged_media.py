"""A small disc on every kind of carrier, accidents that happen to it, and what must hold then.

For `scripts/campaign_carriers` and its short setting, `test_carrier_campaign.py`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import DeflatedExplicitVRLittleEndian

from mediasvc.errors import MediasvcError
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Settings
from mediasvc.store import index, ledger
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.index.patient_list import load
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.restore import restore
from mediasvc.work.undo import undo
from samples.synthesis import instance, person, write_disc
from tests.carriers import as_plain_iso, tool, write_index
from tests.foreign_archives import WRITERS
from tests.hostile_media import SECTOR
from tests.udf_images import udf

Files = dict[str, bytes]
ISSUER = "LOCAL"
STATES = {"archived", "duplicate", "quarantined", "held", "rejected"}
PACKAGE_STATES = {"done", "waiting", "failed", "duplicate"}
SECONDS_EACH = 300.0
#: What no clerk should read: names of classes, of modules, of Python's own errors.
JARGON = re.compile(r"Traceback|[a-z]Error\b|Exception|\bNone\b|errno|\bb'|\bstruct\b|\bnan\b")


# --- what is on the disc ------------------------------------------------------------------------

def made_up() -> Files:
    """Four instances of a patient whom the index knows, a DICOMDIR and a text."""
    instances = [instance(1, 1, 1, number, IssuerOfPatientID=ISSUER) for number in (1, 2, 3)]
    instances.append(instance(1, 2, 1, 1, modality="SR", IssuerOfPatientID=ISSUER,
                              transfer_syntax=DeflatedExplicitVRLittleEndian))
    with tempfile.TemporaryDirectory(prefix="mediasvc-disc-") as root:
        write_disc(Path(root) / "d", instances, extras={"README.TXT": b"a disc\r\n"})
        return files_of(Path(root) / "d")


def real(data: Path) -> Files:
    """Eight images of a real CD and its whole DICOMDIR, which names others that are not there."""
    files = files_of(data / "media" / "pydicom_dirtests")
    images = [name for name in files if len(files[name]) < 60_000 and "DICOMDIR" not in name
              and all(part.isalnum() and len(part) <= 8 for part in name.split("/"))]
    return {name: files[name] for name in ("DICOMDIR", *images[::max(1, len(images) // 8)])
            if name in files}


def files_of(folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def put(files: Files, folder: Path) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


# --- carriers -----------------------------------------------------------------------------------

def _run(*command: str | Path, folder: Path | None = None) -> None:
    subprocess.run([tool(str(command[0])), *(str(part) for part in command[1:])], cwd=folder,
                   check=True, capture_output=True, timeout=60)


def _genisoimage(*options: str) -> Callable[[Path, Path], None]:
    return lambda folder, to: _run("genisoimage", "-quiet", *options, "-o", to, folder)


def _udf(**options: object) -> Callable[[Path, Path], None]:
    return lambda folder, to: _bytes(to, udf(files_of(folder), **options).bytes())


def _bytes(to: Path, data: bytes) -> None:
    to.write_bytes(data)


def _zip(method: int, wide: bool = False) -> Callable[[Path, Path], None]:
    def write(folder: Path, to: Path) -> None:
        with zipfile.ZipFile(to, "w", method) as archive:
            for name, data in files_of(folder).items():
                with archive.open(name, "w", force_zip64=wide) as stream:
                    stream.write(data)
    return write


def _streamed_zip(folder: Path, to: Path) -> None:
    """As programs write it that cannot seek: sizes behind the data."""
    with to.open("wb") as stream:
        stream.seekable = lambda: False  # type: ignore[method-assign]
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files_of(folder).items():
                archive.writestr(name, data)


def _tar(kind: int, packed: bool = False) -> Callable[[Path, Path], None]:
    def write(folder: Path, to: Path) -> None:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=kind) as archive:
            archive.add(folder, arcname="disc")
        to.write_bytes(gzip.compress(raw.getvalue(), mtime=0) if packed else raw.getvalue())
    return write


def _halves(folder: Path) -> list[Path]:
    """The same files as two sessions would bring them; the second one has the whole DICOMDIR."""
    files = files_of(folder)
    images = [name for name in files if "DICOMDIR" not in name]
    first, both = images[:len(images) // 2], [*files]
    made = []
    for number, names in enumerate((first, [name for name in both if name not in first])):
        made.append(put({name: files[name] for name in names},
                        folder.parent / f"session{number}"))
    return made


def _grown(folder: Path, to: Path) -> None:
    for half in _halves(folder):
        _run("xorriso", "-dev", f"stdio:{to}", "-map", half, "/")


def _sessions(folder: Path, to: Path) -> None:
    last = 0
    for number, half in enumerate(_halves(folder)):
        more = to.with_suffix(f".{number}")
        start = (to.stat().st_size // SECTOR + 31) // 32 * 32 if number else 0
        options = ("-C", f"{last},{start}", "-M", str(to)) if number else ()
        _run("genisoimage", "-quiet", "-R", "-J", *options, "-o", more, half)
        with to.open("ab") as target:
            target.truncate(start * SECTOR)
        with to.open("ab") as target:
            target.write(more.read_bytes())
        more.unlink()
        last = start


def _seven_zip(*options: str) -> Callable[[Path, Path], None]:
    def write(folder: Path, to: Path) -> None:
        _run("7z", "a", *options, to.with_suffix(".7z"), ".", folder=folder)
        to.with_suffix(".7z").rename(to)
    return write


def _foreign(kind: str) -> Callable[[Path, Path], None]:
    return lambda folder, to: _bytes(to, WRITERS[kind](files_of(folder)))


def _folder(folder: Path, to: Path) -> None:
    shutil.copytree(folder, to)


@dataclass(frozen=True)
class Carrier:
    """``checked``: a checksum stands on the content, so that nothing altered can pass."""

    name: str
    write: Callable[[Path, Path], object]
    checked: bool = False


CARRIERS = (
    Carrier("folder", _folder),
    Carrier("iso-plain", as_plain_iso),
    Carrier("iso-rock-ridge", _genisoimage("-R")),
    Carrier("iso-joliet", _genisoimage("-J")),
    Carrier("iso-both", _genisoimage("-R", "-J")),
    Carrier("iso-udf-bridge", _genisoimage("-udf")),
    Carrier("udf", _udf()),
    Carrier("udf-metadata", _udf(kind="metadata", revision=0x0250)),
    Carrier("udf-virtual", _udf(kind="virtual")),
    Carrier("udf-sparable", _udf(kind="sparable")),
    Carrier("iso-grown", _grown),
    Carrier("iso-sessions", _sessions),
    Carrier("zip", _zip(zipfile.ZIP_DEFLATED), checked=True),
    Carrier("zip-stored", _zip(zipfile.ZIP_STORED), checked=True),
    Carrier("zip64", _zip(zipfile.ZIP_DEFLATED, wide=True), checked=True),
    Carrier("zip-streamed", _streamed_zip, checked=True),
    Carrier("tar", _tar(tarfile.USTAR_FORMAT)),
    Carrier("tar-pax", _tar(tarfile.PAX_FORMAT)),
    Carrier("tar-gnu", _tar(tarfile.GNU_FORMAT)),
    Carrier("tgz", _tar(tarfile.USTAR_FORMAT, packed=True), checked=True),
    Carrier("7z", _seven_zip(), checked=True),
    Carrier("7z-files", _seven_zip("-ms=off", "-m0=copy"), checked=True),
    *(Carrier(kind, _foreign(kind), checked=kind != "cab") for kind in WRITERS),
)


# --- accidents ----------------------------------------------------------------------------------

@dataclass(frozen=True)
class Accident:
    kind: str
    """structure, content or cut."""
    words: str
    apply: Callable[[Path], None]


def accidents(path: Path, files: Files, each: int, seed: str) -> Iterator[Accident]:
    """``each`` flips of one bit or byte of the structure, of the content, and cuts."""
    dice = random.Random(seed)
    if path.is_dir():
        yield from _of_folder(path, each, dice)
        return
    whole = path.read_bytes()
    content = _content(whole, files)
    inside = [at for start, stop in content for at in range(start, stop)]
    covered = bytearray(len(whole))
    for start, stop in content:
        covered[start:stop] = b"\1" * (stop - start)
    outside = [at for at in range(len(whole)) if not covered[at]]
    telling = [at for at in outside if whole[at]]  # most of a disc is zeros
    for number in range(each):
        spot = dice.choice(telling if number % 4 else outside)
        yield _flip("structure", spot, dice)
    for _ in range(each if inside else 0):
        yield _flip("content", dice.choice(inside), dice)
    for number in range(each):  # half of them where files lie
        first = min(start for start, _ in content) if content and number % 2 else 1
        yield _cut(dice.randrange(first, len(whole)))


def _of_folder(path: Path, each: int, dice: random.Random) -> Iterator[Accident]:
    names = sorted(files_of(path))
    directories = [name for name in names if name.endswith("DICOMDIR")] or names
    for kind, among in (("structure", directories), ("content", names)):
        for _ in range(each):
            name = dice.choice(among)
            size = (path / name).stat().st_size
            yield _within(_flip(kind, dice.randrange(size), dice), name)
    for _ in range(each):
        name = dice.choice(names)
        yield _within(_cut(dice.randrange((path / name).stat().st_size)), name)


def _within(accident: Accident, name: str) -> Accident:
    return Accident(accident.kind, f"{accident.words} of {name}",
                    lambda path: accident.apply(path / name))


def _flip(kind: str, at: int, dice: random.Random) -> Accident:
    mask = 1 << dice.randrange(8) if dice.random() < 0.5 else dice.randrange(1, 256)

    def apply(path: Path) -> None:
        with path.open("r+b") as stream:
            stream.seek(at)
            old = stream.read(1)[0]
            stream.seek(at)
            stream.write(bytes([old ^ mask]))
    return Accident(kind, f"byte {at} ^ {mask:#04x}", apply)


def _cut(length: int) -> Accident:
    def apply(path: Path) -> None:
        with path.open("r+b") as stream:
            stream.truncate(length)
    return Accident("cut", f"only {length} bytes", apply)


def _content(whole: bytes, files: Files) -> list[tuple[int, int]]:
    """Where the files' own bytes lie, packed or not."""
    if whole[:6] == b"7z\xbc\xaf\x27\x1c":
        return [(32, 32 + int.from_bytes(whole[12:20], "little"))]
    if whole[:2] == b"\x1f\x8b":
        return [(10, len(whole) - 8)]
    if whole[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            return [_packed(whole, one) for one in archive.infolist() if one.compress_size]
    found = []
    for data in files.values():
        at = whole.find(data) if len(data) > 32 else -1
        if at >= 0:
            found.append((at, at + len(data)))
    return found


def _packed(whole: bytes, entry: zipfile.ZipInfo) -> tuple[int, int]:
    at = entry.header_offset
    start = at + 30 + int.from_bytes(whole[at + 26:at + 28], "little") + int.from_bytes(
        whole[at + 28:at + 30], "little")
    return start, start + entry.compress_size


# --- what must hold -----------------------------------------------------------------------------

@dataclass
class Verdict:
    """``wrong`` must not be; ``lost`` files are no item at all, and ``told`` says what was said."""

    state: str = ""
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    altered: int = 0
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0


class Judge:
    """Brings media into homes of their own, all of which begin alike: one patient in the index."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder, self.sandbox, self._number = folder, sandbox, 0
        self._template = Home(folder / "template")
        self._template.create()
        with open_desk(self._template, Settings(), sandbox) as desk:
            load(desk.store, write_index(folder / "index.csv", [("P0001", person(1))], ISSUER))

    @contextmanager
    def home(self) -> Iterator[Path]:
        """A data directory of its own."""
        self._number += 1
        root = self.folder / f"home{self._number}"
        shutil.copytree(self._template.root, root)
        try:
            yield root
        finally:
            shutil.rmtree(root)

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        with self.home() as root, open_desk(Home(root), Settings(), self.sandbox) as desk:
            yield desk

    def judge(self, path: Path, good: Files, carrier: Carrier) -> Verdict:
        verdict, began = Verdict(), time.monotonic()
        with self.desk() as desk:
            try:
                package = run_line(desk, submit(desk, path, source="", by="campaign").id,
                                   lambda *_: None)
            except MediasvcError as error:
                verdict.wrong.append(f"the line ended with {type(error).__name__}: {error}")
                return verdict
            verdict.seconds = time.monotonic() - began
            verdict.state = package.state
            self._look(desk, package.id, good, carrier, verdict)
            if not verdict.wrong:
                self._take_back(desk, package.id, verdict)
        if verdict.seconds > SECONDS_EACH:
            verdict.wrong.append(f"it took {verdict.seconds:.0f} s")
        return verdict

    def _look(self, desk: Desk, number: int, good: Files, carrier: Carrier, verdict: Verdict,
              ) -> None:
        with desk.store.read() as connection:
            items = list(ledger.items(connection, number))
            counts = ledger.counts(connection, number)
            groups = {group.number: group for group in ledger.groups(connection, number)}
            verdict.findings = list(ledger.findings(connection, number))
            stored = list(index.package_instances(connection, number))
        wrong = verdict.wrong
        if verdict.state not in PACKAGE_STATES:
            wrong.append(f"the package is {verdict.state}")
        instances = [one for one in items if one.role in ("instance", "refused")]
        wrong += [f"{one.label} is {one.state or 'in no state'}" for one in instances
                  if one.state not in STATES]
        if counts.instances != len(instances) or counts.pending:
            wrong.append(f"{len(instances)} instances, counted {counts}")
        hashes = {hashlib.sha256(data).hexdigest(): name for name, data in good.items()}
        there = [one for one in items if one.role != "missing"]
        verdict.lost = max(0, len(good) - len(there))
        warned = [one for one in verdict.findings if one.severity in ("error", "warning")]
        if verdict.lost and not warned and verdict.state != "failed":
            wrong.append(f"{verdict.lost} files are gone and nothing is said")
        if verdict.state in ("waiting", "failed") and not (verdict.findings or groups):
            wrong.append(f"{verdict.state} for no reason")
        for one in instances:
            group = groups.get(one.group_number or 0)
            if one.state == "archived" and not (group and group.target and (
                    group.rule or group.by)):
                wrong.append(f"{one.label} is filed by nobody")
            if one.state == "archived" and one.sha256 not in hashes:
                verdict.altered += 1
                if carrier.checked:
                    wrong.append(f"{one.label} is filed with other bytes than were packed")
        wrong += [f"words: {one.code}: {one.text}" for one in verdict.findings
                  if JARGON.search(one.text) or not one.text.isprintable()
                  or not one.subject.isprintable()]
        self._restored(desk, stored, wrong)

    def _restored(self, desk: Desk, stored: list[index.StoredInstance], wrong: list[str]) -> None:
        folder = self.folder / "restored"
        folder.mkdir(exist_ok=True)
        names = {one.sop_instance_uid: folder / str(at) for at, one in enumerate(stored)}
        wrong += ["restored bytes are not those that were received"
                  for one in restore(desk, stored, names)
                  if hashlib.sha256(one.path.read_bytes()).hexdigest()
                  != one.instance.received_sha256]
        shutil.rmtree(folder)

    def _take_back(self, desk: Desk, number: int, verdict: Verdict) -> None:
        with desk.store.read() as connection:
            if not any(one.state == "filed" for one in ledger.groups(connection, number)):
                return
        undo(desk, number, "campaign")
        with desk.store.read() as connection:
            counts = ledger.counts(connection, number)
            if list(index.package_instances(connection, number)) or counts.archived:
                verdict.wrong.append("taken back, and still in the archive")
            if not ledger.verify_chain(connection).whole:
                verdict.wrong.append("the ledger's chain is broken")
        if list((desk.home.archive / "objects").rglob("*.dcm")):
            verdict.wrong.append("taken back, and objects are left")
