"""Discs that only their recipient can open: an encrypted zip, DICOM Secure Media, or a message."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mediasvc.errors import SettingsError
from mediasvc.media.disc.disc_file import DICOM_FOLDER, DICOMDIR, MANIFEST, DiscFile
from mediasvc.media.page.markup import element, page
from mediasvc.media.page.page_content import DiscFacts
from mediasvc.media.page.page_style import STYLE
from mediasvc.media.secure.secure_zip_write import check_password
from mediasvc.span import Span
from mediasvc.standard.profiles import Profile

if TYPE_CHECKING:
    from mediasvc.media.secure.mail_sender import Sender
    from mediasvc.media.secure.secure_cms_write import Recipients

OPENED_BY = ("The DICOM files of this medium are encrypted (DICOM PS3.15, CMS). A DICOM reader for "
             "secure media opens them with the password or key that was sent separately.")


@dataclass(frozen=True)
class Seal:
    """``zip``: one AES-256 zip. ``cms``: every DICOM file, and DICOMDIR, in its own envelope.
    ``smime``: a message in one envelope, signed by ``sender``."""

    kind: Literal["zip", "cms", "smime"]
    password: str = field(default="", repr=False)
    recipients: Recipients | None = None
    sender: Sender | None = None

    @property
    def opening(self) -> str:
        """With what we read the medium back before it is released."""
        return self.recipients.own if self.recipients else self.password


def seal_for(profile: Profile, container: str, password: str, certificates: Iterable[bytes],
             identity: str = "") -> Seal | None:
    """What the profile, the container and the keys ask for; None for a disc that anybody reads.
    ``identity``: key and certificate (PEM) of who signs messages.

    Raises SettingsError where they do not fit together.
    """
    keys = tuple(certificates)
    if profile.secure and profile.medium.kind == "mail":
        return _seal_of_message(password, keys, identity)
    if profile.secure:
        from mediasvc.media.secure.secure_cms_write import Recipients, check_recipients

        recipients = Recipients(password, keys)
        check_recipients(recipients)
        return Seal("cms", password, recipients)
    if keys:
        raise SettingsError("Only a -SEC- profile is encrypted for a certificate.",
                            "`mediasvc profiles list` names them.")
    if not password:
        return None
    if container != "zip":
        raise SettingsError("Only a .zip or a -SEC- profile can have a password.",
                            "End --to with .zip, or choose a profile of `mediasvc profiles list`.")
    check_password(password)
    return Seal("zip", password)


def _seal_of_message(password: str, keys: tuple[bytes, ...], identity: str) -> Seal:
    """PS3.15 B.8: S/MIME, which knows no passwords (RFC 8551 2.3), and is always signed."""
    from mediasvc.media.secure.mail_sender import sender_of
    from mediasvc.media.secure.secure_cms_write import Recipients, check_recipients

    if password or not keys:
        raise SettingsError("A secure message is encrypted for certificates, never with a "
                            "password." if password else
                            "A secure message needs the certificate of its recipient.",
                            "Say --recipient-certificate; a .zip can have a password.")
    recipients = Recipients("", keys)
    check_recipients(recipients)
    return Seal("smime", recipients=recipients, sender=sender_of(identity))


def sealed(files: Iterable[DiscFile], seal: Seal, scratch: Path,
           copied: Callable[[DiscFile], None] = lambda file: None) -> Iterator[DiscFile]:
    """The files as they stand on a secure medium: envelopes below ``scratch``, in that order.
    ``copied`` is told of each that is needed no more."""
    from mediasvc.media.secure.secure_cms_write import enveloped

    assert seal.recipients is not None
    folder = scratch / "SEALED"
    folder.mkdir()
    for number, file in enumerate(files):
        if file.parts[0] not in (DICOM_FOLDER, DICOMDIR, MANIFEST):
            yield file
            continue
        path, digest = folder / f"{number:08d}", hashlib.sha256()
        with path.open("xb") as target:
            for chunk in enveloped(file.span.chunks(), file.span.length, seal.recipients):
                digest.update(chunk)
                target.write(chunk)
        copied(file)
        yield DiscFile(file.parts, Span.of_file(path), digest.hexdigest(), dense=True)


def notices(facts: DiscFacts, scratch: Path) -> list[DiscFile]:
    """README.TXT and INDEX.HTM of a secure medium: who made it and how to open it, and nobody's
    images (PDI Privacy Protection)."""
    title = "Encrypted medical images"
    lines = [title, "", OPENED_BY, "", f"Made by: {facts.institution}",
             f"Contact: {facts.contact}", f"For: {facts.recipient}",
             f"File-set ID: {facts.file_set_id}", f"Created: {facts.created:%Y-%m-%d %H:%M}",
             f"By: {facts.creator}"]
    text = "\r\n".join(line for line in lines if not line.endswith(": ")) + "\r\n"
    index = page(title, STYLE, element("div", element("h1", title), class_="bar"),
                 element("div", *(element("p", line) for line in lines[2:] if line
                                  and not line.endswith(": ")), class_="main"))
    return [_file(scratch, "README.TXT", text.encode("utf-8-sig")),
            _file(scratch, "INDEX.HTM", index)]


def _file(scratch: Path, name: str, data: bytes) -> DiscFile:
    (scratch / name).write_bytes(data)
    span = Span.of_file(scratch / name)
    return DiscFile((name,), span, span.sha256())
