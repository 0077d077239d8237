"""A page of the viewer's data: some frames of a series with all that belongs to them.

It shows nothing and sends ``[[length, "text"], …]`` to the page that it stands in. UTF-16 with its
mark needs no charset of anybody. The first text is JSON: ``frames`` (one record each, ``i`` the
place of the instance in ``files``), ``tables``, ``names`` and ``headers``; the others are the
samples of the frames in order. JSON and samples are zlib streams (a JPEG stream stays one: record
``j``).
"""

from __future__ import annotations

import codecs
import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mediasvc.media.viewer.viewer_text import text_bytes

#: Native bytes of a chunk: a few images, so that the first one is there soon.
BYTES = 4 << 20
#: What a chunk takes beside its samples at most, and each frame beside its own: the records, the
#: header with the values that differ.
CHUNK_OVERHEAD, FRAME_OVERHEAD = 48 << 10, 2 << 10
#: Before and behind the list. A text that is no script of a known kind is neither run nor shown.
OPENING = '<!DOCTYPE html><script type="text/plain">'
CLOSING = '</script><script>parent.postMessage(document.scripts[0].text,"*")</script>\n'


def write_chunk(target: Path, facts: dict[str, Any], streams: Iterable[bytes]) -> tuple[str, int]:
    """(sha256, length) of the new file."""
    told = zlib.compress(json.dumps(facts, separators=(",", ":")).encode(), 6)
    digest, length = hashlib.sha256(), 0
    with open(target, "xb") as file:
        for part in _parts((told, *streams)):
            digest.update(part)
            length += file.write(part)
    return digest.hexdigest(), length


def _parts(streams: Sequence[bytes]) -> Iterable[bytes]:
    # numpy: who plans chunks needs none of it
    from mediasvc.media.viewer.viewer_samples import in_text

    yield codecs.BOM_UTF16_LE + _plain(OPENING + "[")
    for number, stream in enumerate(streams):
        yield _plain(f'{"," if number else ""}[{len(stream)},"')
        yield in_text(stream)
        yield _plain('"]')
    yield _plain("]" + CLOSING)


def _plain(text: str) -> bytes:
    return text.encode("utf-16-le")


def most_bytes(native: int, frames: int) -> int:
    """No chunk with so many ``native`` bytes of samples is larger."""
    return (text_bytes(native + native // 1000 + 64 * frames)
            + CHUNK_OVERHEAD + frames * FRAME_OVERHEAD)
