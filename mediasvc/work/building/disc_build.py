"""One disc from its instances: pages, DICOMDIR, list of hashes, and the image around them."""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal, cast

from mediasvc.direct_write import DirectFile
from mediasvc.errors import MediasvcError
from mediasvc.media.disc import disc_statement
from mediasvc.media.disc.disc_file import (
    DICOMDIR,
    MANIFEST,
    MANIFEST_SIGNATURE,
    VIDEO_FOLDER,
    DiscFile,
    disc_files,
)
from mediasvc.media.disc.disc_layout import DiscInstance, Layout, lay_out
from mediasvc.media.disc.hash_list import write_hash_list
from mediasvc.media.fetch import Foresight
from mediasvc.media.iso.arrival import Arrival
from mediasvc.media.page.page_content import DiscFacts
from mediasvc.media.viewer.viewer_plan import VIEWER_FOLDER
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.standard.directory_records import WITH_ICONS
from mediasvc.standard.profiles import Profile
from mediasvc.work.building.directory_listing import write_listing
from mediasvc.work.building.disc_content import PAGES_ONLY, Wanted, make_content
from mediasvc.work.building.draw_icons import Icons, icons_of
from mediasvc.work.building.seal import Seal, notices, sealed
from mediasvc.work.building.sign import Signer
from mediasvc.work.planning.one_pass import OnePass

Container = Literal["iso", "zip", "folder", "mail"]
Report = Callable[[int, int, str], None]
#: Bytes of instances that are asked for while the small files are made.
ASKED = 256 << 20
#: A smaller image is judged when it is whole: nothing would be gained by beginning before.
JUDGED_MEANWHILE = 64 << 20
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class FileSetName:
    """``id`` is also the name of the volume; both follow from content and date alone."""

    id: str
    uid: str


@dataclass(frozen=True, slots=True)
class Built:
    """``layout``: where each instance stands; ``findings``: what DICOMDIR had to make up;
    ``sha256``: of the image as it was handed to the disk, empty where that is not known."""

    layout: Layout
    findings: tuple[Finding, ...]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A disc of which only the container is missing: ``files`` in the order in which they lie."""

    built: Built
    files: Sequence[DiscFile]


def name_file_set(instances: Iterable[DiscInstance], facts_of_order: str) -> FileSetName:
    """The same content ordered in the same way has the same name. ``facts_of_order``: profile,
    date and whatever else tells two discs apart."""
    digest = hashlib.sha256(facts_of_order.encode())
    for sha256 in sorted(instance.sha256 for instance in instances):
        digest.update(bytes.fromhex(sha256))
    number = int.from_bytes(digest.digest()[:8], "big")
    letters = "".join(_LETTERS[number >> (5 * place) & 31] for place in range(12))
    unique = uuid.UUID(bytes=digest.digest()[16:], version=5)
    unique = uuid.UUID(int=unique.int | 1 << 127)  # 39 digits always: sizes are known beforehand
    return FileSetName(f"MSVC{letters}", f"2.25.{unique.int}")


def build_disc(sandbox: Sandbox, instances: Sequence[DiscInstance], profile: Profile,
               file_set: FileSetName, facts: DiscFacts, *, target: Path, container: Container,
               scratch: Path, report: Report, wanted: Wanted = PAGES_ONLY,
               seal: Seal | None = None, signer: Signer | None = None,
               growing: OnePass | None = None, spent: Path | None = None,
               arrival: Arrival | None = None) -> Built:
    """Write the whole disc to ``target``: a new file, or an empty folder.

    ``scratch`` is an empty private folder; ``wanted`` says what is made for people; ``growing``
    may have the image already, with the instances in it; what lies below ``spent`` is removed as
    soon as it was copied; ``arrival`` is told of what can be judged already. Raises MediasvcError
    when a part cannot be made; what is at ``target`` then is of no use.
    """
    with ThreadPoolExecutor(1) as disk:  # it has little to do while pictures are drawn
        disk.submit(_ask_for, instances)
        prepared = prepare_disc(sandbox, instances, profile, file_set, facts, scratch=scratch,
                                report=report, wanted=wanted, seal=seal, signer=signer,
                                spent=spent)
    if growing and _grown(growing, target, prepared.files, profile, file_set, facts, report):
        return prepared.built
    sha256 = _write_container(container, target, prepared.files, profile, file_set, facts,
                              report, seal, spent, arrival)
    return replace(prepared.built, sha256=sha256)


def _ask_for(instances: Iterable[DiscInstance]) -> None:
    """The first bytes of the disc, as the system reads them from an archive that nobody read
    lately."""
    asked, foresight = 0, Foresight()
    for instance in instances:
        foresight.ask(instance.span)
        asked += instance.span.length
        if asked > ASKED:
            break


def prepare_disc(sandbox: Sandbox, instances: Sequence[DiscInstance], profile: Profile,
                 file_set: FileSetName, facts: DiscFacts, *, scratch: Path, report: Report,
                 wanted: Wanted = PAGES_ONLY, seal: Seal | None = None,
                 signer: Signer | None = None, spent: Path | None = None) -> Prepared:
    """Make every small file of a disc in ``scratch``; how large it becomes is known then.
    ``spent``: of what lies below it nothing is needed any more that was encrypted."""
    layout = lay_out(instances)
    secure = seal is not None and seal.kind == "cms"
    icons = _icons(sandbox, layout, scratch, wanted.icons or profile.icons, report)
    with ThreadPoolExecutor(1) as beside:  # one child writes the DICOMDIR while others draw
        directory = beside.submit(_write_dicomdir, sandbox, layout, profile, file_set, scratch,
                                  icons)
        content = (notices(facts, scratch) if secure
                   else make_content(sandbox, layout, facts, scratch, wanted, report))
        findings = directory.result()
    if not secure:
        content += _statement(scratch, facts, file_set, layout, signer is not None)
    before = [_small(scratch, (DICOMDIR,)), *content]
    with (scratch / MANIFEST).open("xb") as target:
        write_hash_list(target, chain(before, layout.files()), _manifest_facts(file_set, facts))
    files = disc_files(scratch)
    files.extend((before[0], _small(scratch, (MANIFEST,))))
    if signer is not None:
        (scratch / MANIFEST_SIGNATURE).write_bytes(signer.sign((scratch / MANIFEST).read_bytes()))
        files.append(_small(scratch, (MANIFEST_SIGNATURE,)))
    files.extend(_as_they_lie(before[1:], layout))
    if seal is not None and secure:
        open_files, files = files, disc_files(scratch)
        files.extend(sealed(open_files, seal, scratch, _remover(spent)))
    return Prepared(Built(layout, findings), files)


def _icons(sandbox: Sandbox, layout: Layout, scratch: Path, side: int, report: Report,
           ) -> Icons | None:
    """Those of the images in DICOMDIR, ``side`` in pixels; None where there are none."""
    if not side:
        return None
    return icons_of(sandbox, layout, scratch / "icons", side,
                    lambda done, total: report(done, total, "drawing icons"))


def _write_dicomdir(sandbox: Sandbox, layout: Layout, profile: Profile, file_set: FileSetName,
                    scratch: Path, icons: Icons | None) -> tuple[Finding, ...]:
    listing = scratch / "listing.jsonl"
    if icons:
        write_listing(listing, layout.placed(), icons.file)
    else:
        write_listing(listing, layout.placed())
    answer = sandbox.call(
        "mediasvc.work.building.directory_file:write_directory", listing=str(listing),
        target=str(scratch / DICOMDIR), file_set_id=file_set.id, file_set_uid=file_set.uid,
        key_set=profile.directory_keys + (WITH_ICONS if icons else ""), scratch=str(scratch))
    if answer.error:
        raise MediasvcError(f"The DICOMDIR could not be written: {answer.text}")
    findings = tuple(Finding(**row) for row in answer.value["findings"])
    return (*icons.findings, *findings) if icons else findings


def _as_they_lie(content: Sequence[DiscFile], layout: Layout) -> Iterator[DiscFile]:
    """What a reader of DICOM or of the pages wants first; the viewer's data and videos behind the
    instances."""
    yield from (file for file in content if not _is_late(file))
    yield from layout.files()
    yield from filter(_is_late, content)


def _is_late(file: DiscFile) -> bool:
    return len(file.parts) > 1 and (
        file.parts[0] == VIDEO_FOLDER or (file.parts[0] == VIEWER_FOLDER and len(file.parts) > 2))


def _small(scratch: Path, parts: tuple[str, ...]) -> DiscFile:
    """A file of ours that stands in ``scratch`` as it will stand on the disc."""
    span = Span.of_file(scratch.joinpath(*parts))
    return DiscFile(parts, span, span.sha256())


def _statement(scratch: Path, facts: DiscFacts, file_set: FileSetName, layout: Layout,
               signed: bool) -> list[DiscFile]:
    row = disc_statement.statement(facts, file_set.uid, layout, signed)
    (scratch / disc_statement.PAGE).write_bytes(disc_statement.as_page(row))
    (scratch / disc_statement.DATA).write_bytes(disc_statement.as_json(row))
    return [_small(scratch, (name,)) for name in (disc_statement.PAGE, disc_statement.DATA)]


def _manifest_facts(file_set: FileSetName, facts: DiscFacts) -> dict[str, str]:
    return {"file-set id": file_set.id, "file-set uid": file_set.uid, "profile": facts.profile,
            "created": facts.created.isoformat(), "creator": facts.creator}


def _grown(growing: OnePass, target: Path, files: Sequence[DiscFile], profile: Profile,
           file_set: FileSetName, facts: DiscFacts, report: Report) -> bool:
    """Finish the image that the instances went into; False where there is none, or too little room
    was kept in it."""
    if growing.image is None or not growing.image.finish(
            files, volume_id=file_set.id, moment=facts.created, with_udf=profile.medium.udf,
            report=lambda done, total: report(done >> 20, total >> 20, "writing MB")):
        return False
    growing.published(target)
    return True


def _write_container(container: Container, target: Path, files: Sequence[DiscFile],
                     profile: Profile, file_set: FileSetName, facts: DiscFacts, report: Report,
                     seal: Seal | None, spent: Path | None, arrival: Arrival | None) -> str:
    """The sha256 of an image."""
    total = sum(file.span.length for file in files)

    def written(done: int, _: int) -> None:
        report(done >> 20, total >> 20, "writing MB")

    copied = _remover(spent)
    if container == "folder":
        from mediasvc.media.disc.folder_write import write_folder
        write_folder(target, files, moment=facts.created, report=written, copied=copied)
        return ""
    sha256 = ""
    with target.open("x+b", buffering=0) as plain:
        target.chmod(0o600)
        direct = DirectFile(plain.fileno())
        image = cast("BinaryIO", direct)  # all of one that these writers use
        if container == "mail":
            write_mail(image, files, profile, file_set, facts, seal, copied)
        elif container == "zip" and seal and seal.kind == "zip":
            from mediasvc.media.secure.secure_zip_write import write_secure_zip
            write_secure_zip(image, files, seal.password, moment=facts.created, report=written,
                             copied=copied)
        elif container == "zip":
            from mediasvc.media.packed.zip_write import write_zip
            write_zip(image, files, moment=facts.created, report=written, copied=copied)
        else:
            from mediasvc.media.iso.iso_write import write_iso
            sha256 = write_iso(image, files, volume_id=file_set.id, moment=facts.created,
                               with_udf=profile.medium.udf, report=written, copied=copied,
                               arrival=arrival if total >= JUDGED_MEANWHILE else None)
        direct.flush()
    return sha256


def _remover(spent: Path | None) -> Callable[[DiscFile], None]:
    """Removes files of ours below ``spent``."""
    below = f"{spent}{os.sep}" if spent is not None else ""

    def remove(file: DiscFile) -> None:
        if below and file.span.path.startswith(below):
            Path(file.span.path).unlink()

    return remove


def write_mail(target: BinaryIO, files: Sequence[DiscFile], profile: Profile, file_set: FileSetName,
               facts: DiscFacts, seal: Seal | None,
               copied: Callable[[DiscFile], None] = lambda file: None) -> None:
    """One message with all ``files`` in it, or with the DICOM files each by itself."""
    from mediasvc.media.packed.mail_write import readme_of, write_mime, write_zip_mail
    from mediasvc.media.packed.zip_write import write_zip

    text = readme_of(files)
    if profile.medium.kind == "mime":
        write_mime(target, files, file_set_id=file_set.id, moment=facts.created,
                   sender=facts.contact, text=text, copied=copied)
        return
    with tempfile.NamedTemporaryFile(dir=Path(files[0].span.path).parent) as archive:
        write_zip(archive, files, moment=facts.created, copied=copied)
        archive.flush()
        if seal and seal.recipients and seal.sender:
            from mediasvc.media.secure.secure_mail_write import write_secure_mail
            write_secure_mail(target, Span.of_file(archive.name), seal.recipients, seal.sender,
                              file_set_id=file_set.id, moment=facts.created,
                              contact=facts.contact, text=text)
            return
        write_zip_mail(target, Span.of_file(archive.name), file_set_id=file_set.id,
                       moment=facts.created, sender=facts.contact, text=text)
