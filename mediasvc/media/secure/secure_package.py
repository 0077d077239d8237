"""A secure medium read like any other: files in CMS envelopes are opened with the key (R11-9).

Which files are wrapped is seen file by file: recipients and ways may differ within one set, and
what is no DICOM file may stand in the open.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediasvc.errors import DamagedError, PasswordNeeded
from mediasvc.media.disc.disc_file import DICOMDIR
from mediasvc.media.member import Container, Context, Entry
from mediasvc.media.secure.secure_cms_read import HEAD, is_envelope, opened
from mediasvc.span import Span

QUESTION = ("This is a secure DICOM medium: every file of it is encrypted. Its password, or the "
            "recipient's private key, is needed.", "Give it with --password-file.")


class SecureContainer:
    """Another container whose wrapped files come out opened."""

    def __init__(self, inner: Container, context: Context) -> None:
        self._inner, self._context = inner, context

    def __len__(self) -> int:
        return len(self._inner)

    def entry(self, index: int) -> Entry:
        return self._inner.entry(index)

    def span(self, index: int) -> Span:
        """Raises PasswordNeeded for a file that the key does not open."""
        span = self._inner.span(index)
        if not is_envelope(_head(span)):
            return span
        return self._context.scratch.once(f"{index:08d}.opened", self._opened(span))

    def _opened(self, span: Span) -> Iterator[bytes]:
        if not self._context.password:
            raise PasswordNeeded(*QUESTION)
        yield from opened(span, self._context.password)

    def unchanged(self, index: int) -> bool:
        return self._inner.unchanged(index)

    def close(self) -> None:
        self._inner.close()


def unlocked(container: Container, context: Context) -> Container:
    """The container itself, or opened where its DICOMDIR is in an envelope.

    Raises PasswordNeeded when the key for that is missing or not the right one.
    """
    index = _directory(container)
    if index is None:
        return container
    try:
        head = _head(container.span(index))
    except DamagedError:
        return container
    if not is_envelope(head):
        return container
    secure = SecureContainer(container, context)
    secure.span(index)
    context.troubles.add("info", "secure-medium", "", "the files of this medium were encrypted and "
                         "have been opened with the key", "R11-9")
    return secure


def _directory(container: Container) -> int | None:
    """The DICOMDIR nearest to the root. One in the root stands near an end of the list: first on a
    disc image, behind the images in a sorted folder."""
    found: tuple[int, int] | None = None
    last = len(container) - 1
    for step in range(last + 1):
        index = step // 2 if step % 2 == 0 else last - step // 2
        parts = container.entry(index).parts
        if parts[-1].partition(";")[0].rstrip(".").upper() == DICOMDIR and (
                found is None or len(parts) < found[0]):
            found = len(parts), index
            if len(parts) == 1:
                break
    return None if found is None else found[1]


def _head(span: Span) -> bytes:
    if span.length < HEAD:
        return b""
    return next(Span(span.path, span.offset, HEAD).chunks(HEAD))
