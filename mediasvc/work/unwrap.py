"""An instance gives back the ordinary file that it holds, byte for byte."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mediasvc.direct_write import write_direct
from mediasvc.errors import DamagedError, NotFoundError, StateError, StorageError, UnsupportedError
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span

FIND = "mediasvc.work.wrapping.unwrap_find"
CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """``kind`` is ``video``, a picture format, or the MIME type of a document; sha256 as hex."""

    out: Path
    kind: str
    bytes: int
    sha256: str


def unwrap(path: Path, out: Path, settings: Settings) -> Unwrapped:
    """Write the stream or document of the instance ``path`` to the new file ``out``.

    Raises NotFoundError, UnsupportedError, DamagedError, StateError when ``out`` is there.
    """
    if not path.is_file():
        raise NotFoundError("There is no such file.")
    if out.exists():
        raise StateError("The file to write is there already.", "Choose another name.")
    temp = out.with_name(f".{uuid.uuid4().hex}.part")
    text = temp.with_suffix(".text")
    try:
        kind, spans = _find(Span.of_file(path), text, settings)
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            sha256, length = write_direct(fd, _chunks(spans))
            os.fsync(fd)
        finally:
            os.close(fd)
        temp.rename(out)
    except OSError as error:
        raise StorageError(f"It cannot be written ({error.strerror}).") from error
    finally:
        text.unlink(missing_ok=True)
        temp.unlink(missing_ok=True)
    return Unwrapped(out, kind, length, sha256)


def _find(source: Span, text: Path, settings: Settings) -> tuple[str, list[Span]]:
    """The child maps the file, so its address space grows with it."""
    limits = settings.limits
    with Sandbox(1, limits.child_memory + source.length, limits.item_seconds) as sandbox:
        answer = sandbox.call(f"{FIND}:find_payload", span=source.as_json(), text=str(text))
    if answer.error == "UnsupportedError":
        raise UnsupportedError(f"Nothing can be unwrapped: {answer.text}.")
    if answer.error:
        raise DamagedError(f"Nothing can be unwrapped: {answer.text}.")
    places = [(int(at), int(size)) for at, size in answer.value["places"]]
    spans = [Span(source.path, at, size) for at, size in places] or [Span.of_file(text)]
    return str(answer.value["kind"]), spans


def _chunks(spans: list[Span]) -> Iterator[bytes]:
    for span in spans:
        yield from span.chunks(CHUNK)
