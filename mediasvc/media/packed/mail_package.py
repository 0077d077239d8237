"""A message as a container: what is attached to it are its files, opened with the key where it is
encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from mediasvc.media.directory.file_id import CONFORMING
from mediasvc.media.labels import label, refusal
from mediasvc.media.member import Context, Entry
from mediasvc.media.packed.mime_parts import DICOM, ZIP, Part, decoded, leaves, part_of
from mediasvc.media.packed.zip_names import components
from mediasvc.media.window import Window
from mediasvc.span import Span

ZIPS = {ZIP, "application/x-zip-compressed", "application/x-zip"}
#: What is worth opening a message for, beside what says that it is DICOM or a zip.
NAMED = (".zip", ".dcm", ".iso", ".tar", ".tgz", ".tar.gz", ".7z")


class MailPackage:
    """Attached files are decoded into the scratch folder when the message is opened."""

    def __init__(self, window: Window, context: Context, parts: list[Part]) -> None:
        self._window, self._context = window, context
        self._taken: list[tuple[tuple[str, ...], Span]] = []
        for number, part in enumerate(parts):
            name = _name(part, number)
            if name and self._admit(name):
                self._taken.append((name, context.scratch.once(
                    f"mail-{window.fingerprint()}-{number}", self._counted(part))))

    def __len__(self) -> int:
        return len(self._taken)

    def entry(self, index: int) -> Entry:
        name, span = self._taken[index]
        return Entry(name, name, span.length, index)

    def span(self, index: int) -> Span:
        return self._taken[index][1]

    def unchanged(self, index: int) -> bool:
        return self._window.unchanged()

    def close(self) -> None:
        self._window.close()

    def _admit(self, name: tuple[str, ...]) -> bool:
        if self._context.passes_over(name, name):
            return False
        if named := refusal(name, self._context.budget.limits.depth):
            self._context.troubles.refuse("name-refused", label(name), *named)
            return False
        self._context.notice_hidden(name, name)
        self._context.budget.enter()
        return True

    def _counted(self, part: Part) -> Iterator[bytes]:
        produced = 0
        for chunk in decoded(part):
            produced += len(chunk)
            self._context.budget.check_ratio(part.body.length, produced)
            self._context.budget.produce(len(chunk))
            yield chunk


def open_mail(window: Window, context: Context) -> MailPackage | None:
    """The message in ``window``; None when nothing in it is DICOM, or may be.

    Raises PasswordNeeded where it is encrypted and the key is missing or not the right one.
    """
    from mediasvc.media.secure.secure_mail_read import unsealed

    found = unsealed(part_of(window.span(0, window.length)), context.password, context.scratch,
                     f"smime-{window.fingerprint()}")
    parts = list(leaves(found.part))
    if not any(map(_is_wanted, parts)):
        return None
    _tell(context, found.cipher, found.signature)
    return MailPackage(window, context, parts)


def _tell(context: Context, cipher: str, signature: str) -> None:
    if signature == "broken":
        context.troubles.add("error", "mail-changed", "", "the message is not what was signed; ask "
                             "for it again", "R15-8")
    if cipher:
        context.troubles.add("info", "secure-mail", "", "the message was encrypted and has been "
                             "opened with the key", "R15-8")


def _is_wanted(part: Part) -> bool:
    return part.kind in ZIPS or part.kind == DICOM or _file_name(part).lower().endswith(NAMED)


def _name(part: Part, number: int) -> tuple[str, ...]:
    """Its File ID (PS3.12 K), or the name that it was given; empty for what nobody attached."""
    identity = tuple(str(part.headers.get_param("id") or "").split("/"))
    if part.kind == DICOM and all(map(CONFORMING.fullmatch, identity)):
        return identity
    name, _ = components(_file_name(part))
    if part.kind in ZIPS and not (name and name[-1].lower().endswith(".zip")):
        return (*name[:-1], f"{name[-1] if name else f'PART{number:04d}'}.zip")
    return name or ((f"PART{number:04d}",) if part.kind == DICOM else ())


def _file_name(part: Part) -> str:
    """Some programs write it as words of a header, which RFC 2231 does not allow."""
    name = part.headers.get_filename("")
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, ValueError):
        return name
