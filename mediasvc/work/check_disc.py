"""An independent verdict on any disc: ours or not, image, folder or zip (FIELD N7).

Nothing here shares code with what writes discs: the package readers, the framing walk and pydicom
look at the finished thing as a stranger would, in sandbox children.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError, SettingsError
from mediasvc.media.checking.check_medium import Surface, check_names, check_profile, check_surface
from mediasvc.media.checking.verdict import Trial, Verdict, best_profile
from mediasvc.media.disc.disc_file import MANIFEST
from mediasvc.media.iso.arrival import Arrival
from mediasvc.media.packed.mail_read import Mail, is_mail
from mediasvc.model import Finding
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.standard.disc_rules import RULES
from mediasvc.standard.profiles import Profile, load_profile, profiles
from mediasvc.work.building.private_folder import private_folder
from mediasvc.work.checking.check_files import Report, Seen, check_files
from mediasvc.work.checking.check_signatures import check_signatures
from mediasvc.work.checking.disc_under_test import Disc, open_disc
from mediasvc.work.intake.discover import refusal

#: What a message is judged by when nobody says it.
OF_MAIL = {("mail", False): "STD-GEN-ZIP-MAIL", ("mail", True): "STD-GEN-SEC-ZIP-MAIL",
           ("mime", False): "STD-GEN-MIME", ("mime", True): "STD-GEN-MIME"}


def check_disc(path: Path, sandbox: Sandbox, limits: Limits, *, profile: str = "",
               site_profiles: Path | None = None, certificate: Path | None = None,
               report: Report = lambda done, total, what: None,
               password: str | None = None, signer: bytes = b"",
               arrival: Arrival | None = None) -> Verdict:
    """Judge the disc at ``path`` by every rule.

    ``profile``: its name; empty: the one that the disc says it has, or the best fitting one.
    ``certificate``: PATH.json is used where it exists and none is given. ``signer``: the public key
    (PEM) that the certificate and the list on the disc must be signed with. ``arrival``: of a disc
    that is being written; what may be read of it, and the sha256 of what was handed to the disk. An
    image whose list of hashes and whose seal hold, and which holds nothing beside them, is these
    bytes, and is not read a second time for it. Raises NotFoundError, UnsupportedError,
    PasswordNeeded or SettingsError when there is nothing to judge, StateError when ``arrival``
    fails.
    """
    if arrival is not None:
        arrival.wait_open()
    wanted = load_profile(profile, site_profiles) if profile else None
    with (private_folder() as scratch, private_folder() as taken_out,
          ThreadPoolExecutor(1) as thread):
        whole = (thread.submit(Span.of_file(path).sha256)
                 if path.is_file() and not (arrival and arrival.is_hashed) else None)
        try:
            mail = _open_mail(path, sandbox, taken_out, password)
            disc = open_disc(mail.medium if mail else path, sandbox, limits, scratch, password)
        except DamagedError as error:
            return _hopeless(path, error)
        disc.trial.add(mail.findings if mail else ())
        chosen = wanted or (_of_mail(mail, disc, site_profiles) if mail else
                            _fitting(disc, site_profiles))
        if mail and chosen.secure and not mail.secure:
            disc.fail("R15-8", "the message is not encrypted")
        seen = check_files(disc, chosen, report, arrival)
        vouched = _check_medium(disc, chosen, seen)
        if whole is None and path.is_file():
            handed = arrival.wait_whole() if arrival else ""
            sha256 = handed if vouched else Span.of_file(path).sha256()
        else:
            sha256 = whole.result() if whole else _list_sha256(disc)
        certified = _check_certificate(disc, path, certificate, sha256)
        if signer:
            check_signatures(disc, certificate or path.with_name(path.name + ".json"), signer)
    kind = mail.kind if mail else disc.kind
    skipped = ({"N7"} if disc.hashes is None else set()) | (set() if certified else {"E01"})
    skipped |= set() if signer else {"E01b"}
    skipped |= set() if disc.has_witness else {"R12-2b"}
    skipped |= set() if mail and (mail.secure or chosen.secure) else {"R15-8"}
    skipped |= {"mail": {"R12-6"}, "mime": {"R11-7"}}.get(kind, {"R11-7", "R12-6"})
    return Verdict(kind, chosen.name, disc.trial.results(disc.kind, frozenset(skipped)),
                   seen.instances, len(disc.members),
                   path.stat().st_size if path.is_file() else sum(m.length for m in disc.members),
                   disc.file_set_id, sha256)


def _open_mail(path: Path, sandbox: Sandbox, folder: Path, password: str | None) -> Mail | None:
    """What a message holds, taken out of it by a child; None for what is no message."""
    if not is_mail(path):
        return None
    answer = sandbox.call("mediasvc.work.checking.check_members:mail", path=str(path),
                          folder=str(folder), password=password)
    if answer.error:
        raise refusal(answer)
    return Mail(Path(answer.value["medium"]), answer.value["kind"], answer.value["secure"],
                [Finding(**row) for row in answer.value["findings"]])


def _hopeless(path: Path, error: DamagedError) -> Verdict:
    """The medium cannot even be listed: that alone is the verdict."""
    trial = Trial()
    trial.add([Finding("error", "rule-m00", "", error.text, "M00")])
    others = frozenset(rule.id for rule in RULES if rule.id != "M00")
    return Verdict("file", "", trial.results("file", others), 0, 0, path.stat().st_size)


def _of_mail(mail: Mail, disc: Disc, site: Path | None) -> Profile:
    """The one that the file-set names itself, where it is for such messages."""
    said = _said(disc, profiles(site))
    if said and (said.medium.kind, said.secure) == (mail.kind, mail.secure):
        return said
    return load_profile(OF_MAIL[mail.kind, mail.secure])


def _said(disc: Disc, known: Iterable[Profile]) -> Profile | None:
    said = disc.facts.get("profile", "")
    return next((profile for profile in known if profile.name == said), None)


def _fitting(disc: Disc, site: Path | None) -> Profile:
    """The profile that the disc names itself, otherwise the best fit."""
    known = profiles(site)
    if said := _said(disc, known):
        return said
    length = sum(member.length for member in disc.members)
    return best_profile(known, disc.syntaxes, disc.kind, length)


def _check_medium(disc: Disc, profile: Profile, seen: Seen) -> bool:
    """Whether every byte of an image is vouched for by its list of hashes and its seal."""
    length = sum(member.length for member in disc.members)
    vouched, revision = False, 0
    kind = "mime" if profile.medium.kind == "mime" else disc.kind
    disc.trial.add(check_names(kind, disc.members, seen.dicom))
    disc.trial.add(disc.missing_keys.get(profile.directory_keys, []))
    if disc.kind == "iso":
        answer = seen.whole["surface"]
        if answer.error:
            disc.fail("M30", f"the image {answer.text}")
        else:
            surface = Surface.from_json(answer.value)
            length, revision = surface.length, surface.revision
            vouched = bool(surface.sealed and disc.hashes and not surface.dirty)
            disc.trial.add(check_surface(surface, disc.file_set_id, disc.hashes is not None))
        if disc.has_witness:
            _hear_witness(disc, seen.whole["witness"])
    disc.trial.add(check_profile(disc.kind, disc.members, length, profile, revision))
    return vouched


def _hear_witness(disc: Disc, answer: Answer) -> None:
    if answer.error:
        disc.fail("R12-2b", f"another reader: the image {answer.text}")
    elif answer.value:
        disc.fail("R12-2b", answer.value)


def _check_certificate(disc: Disc, path: Path, given: Path | None, sha256: str) -> bool:
    """Whether there is one. A folder is certified by the hash of its list of hashes."""
    beside = given or path.with_name(path.name + ".json")
    if not beside.is_file():
        if given:
            raise SettingsError("There is no such certificate.")
        return False
    answer = disc.sandbox.call("mediasvc.work.checking.check_members:certificate", path=str(beside))
    row: dict[str, Any] = answer.value or {}
    if not row:
        if given:
            raise SettingsError("That file is not a certificate of a disc.")
        return False
    if row.get("sha256") != sha256:
        disc.fail("E01", "the certificate is of another image, or the image was changed")
    return True


def _list_sha256(disc: Disc) -> str:
    member = disc.by_path.find((MANIFEST,))
    return Span.of_file(disc.source.path / MANIFEST).sha256() if member else ""
