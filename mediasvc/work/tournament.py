"""All lossless transfer syntaxes against each other on a site's own images.

The child's side measures one instance in every syntax; the parent's side picks instances by chance
and hands the measurements on as they come.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mediasvc.errors import MediasvcError, NotFoundError
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span
from mediasvc.standard import transfer_syntaxes as ts

Row = dict[str, Any]
#: Frames of a multi-frame image that run; they are like each other.
FRAMES = 3
#: The better of so many runs counts: the first one loads code and fills caches.
RUNS = 2
#: How many files are looked at for each image that is wanted: the others are no images.
PATIENCE = 20
_FUNCTION = f"{__name__}:compete"


def compete(span: Row) -> Row:
    """The child's side: ``{"modality", "native_bytes", "entries": {uid: {"encoded_bytes",
    "encode_seconds", "decode_seconds"} | {"reason"}}}`` of one instance.

    Raises UnsupportedError for what has no frames that we decode.
    """
    from mediasvc.dicom.frames import words
    from mediasvc.dicom.framing import read_framing
    from mediasvc.standard.lossy_labels import MODALITY
    from mediasvc.work.transcoding.source_frames import source_frames

    with Span.from_json(span).view() as view:
        source = source_frames(read_framing(view))
        arrays = [source.decode(number) for number in range(min(FRAMES, len(source)))]
        return {"modality": words(source.framing, MODALITY) or "-",
                "native_bytes": sum(array.nbytes for array in arrays),
                "entries": {uid: _entry(uid, arrays, source.spec) for uid in contestants()}}


def contestants() -> list[str]:
    """Encapsulated transfer syntaxes that we write without loss."""
    from mediasvc.codecs.table import codec, missing

    return [uid for uid, row in ts.TRANSFER_SYNTAXES.items()
            if row.encapsulated and not missing(uid) and codec(uid).lossless is not None]


def _entry(uid: str, arrays: list[Any], spec: Any) -> Row:
    import numpy as np

    from mediasvc.codecs.table import codec

    chosen = codec(uid)
    assert chosen.lossless is not None
    reason = chosen.lossless.refusal(spec)
    if reason:
        return {"reason": reason}
    stored = chosen.lossless.stored(spec)
    size, encode_seconds, decode_seconds = 0, 0.0, 0.0
    try:
        for array in arrays:
            data, seconds = _timed(lambda: chosen.lossless.encode(array, spec, None))  # type: ignore[union-attr] # noqa: B023
            back, more = _timed(lambda: chosen.decode(data, stored))  # noqa: B023
            if not np.array_equal(back, array):
                return {"reason": "it came back as another image"}
            size, encode_seconds, decode_seconds = (size + len(data), encode_seconds + seconds,
                                                    decode_seconds + more)
    except MediasvcError as error:
        return {"reason": error.text}
    return {"encoded_bytes": size, "encode_seconds": encode_seconds,
            "decode_seconds": decode_seconds}


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    best = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return result, best


def tournament(root: Path, wanted: int, settings: Settings,
               report: Callable[[int, int, str], None]) -> Iterator[Row]:
    """The measurements of up to ``wanted`` images below ``root``, picked by chance and always the
    same. Raises NotFoundError."""
    if not root.exists():
        raise NotFoundError(f"{root} does not exist")
    files = _files(root)
    random.Random(1).shuffle(files)  # noqa: S311 - a sample
    found = 0
    limits = settings.limits
    with Sandbox(1, limits.child_memory, limits.item_seconds) as sandbox:
        for path in files[:wanted * PATIENCE]:
            answer = sandbox.call(_FUNCTION, span=Span.of_file(path).as_json())
            if answer.error:
                continue
            found += 1
            report(found, wanted, "")
            yield answer.value
            if found == wanted:
                return


def _files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    return sorted(Path(folder) / name for folder, _, names in os.walk(root) for name in names
                  if (Path(folder) / name).is_file() and not (Path(folder) / name).is_symlink())
