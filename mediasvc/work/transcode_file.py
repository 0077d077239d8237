"""The child's side of a transcoding: read a file, write another, read that again, prove it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from mediasvc.codecs.table import codec
from mediasvc.dicom.pieces import assemble, size
from mediasvc.direct_write import write_new
from mediasvc.errors import StorageError
from mediasvc.span import Span
from mediasvc.work.batches import each
from mediasvc.work.in_step import Steps, at_once, groups, in_step, timed
from mediasvc.work.jury import Jury
from mediasvc.work.mapped import in_steps
from mediasvc.work.proof import prove
from mediasvc.work.transcode import transcoding
from mediasvc.work.transcode_row import Options, RatioRow, Transcoded
from mediasvc.work.witness import Witness

#: What is written past the page cache waits for the disk: meanwhile the next files are worked on.
AT_ONCE = 2
#: Files in step, and their bytes: all of them are in memory.
IN_STEP, STEP_BYTES = 16, 16 << 20
#: Objects after which cycles are looked for: some thousand make a file's framing, in none of them.
COLLECT = 50_000
#: Longer files are written past the page cache.
CACHED = 4 << 20
_Write = Callable[..., tuple[str, int]]


def transcode_files(items: list[dict[str, Any]], target: str, options: dict[str, Any],
                    ) -> list[dict[str, Any]]:
    """`transcode_file` for each item ``{"span", "out"}``. Whoever asked makes the files durable.

    What a child that died left at ``out`` is written anew.
    """
    chosen = Options.from_json(options)

    def one(item: dict[str, Any]) -> Steps[dict[str, Any]]:
        return _transcoded(Span.from_json(item["span"]), item["out"], target, chosen, _write_anew)

    batch = [{"group": group} for group in groups(
        items, lambda item: int(item["span"]["length"]), IN_STEP, STEP_BYTES)]
    threads = min(AT_ONCE, len(batch)) if chosen.verify == "full" else 1
    return list(chain.from_iterable(each(lambda item: in_step(map(one, item["group"])), batch,
                                         threads=threads)))


def transcode_file(span: dict[str, Any], out: str, target: str, options: dict[str, Any],
                   ) -> dict[str, Any]:
    """Write the file ``span`` in another syntax at ``out``, which must not be there.

    Answers the row of CONTRACT without its paths, and ``sha256`` and ``length`` of the new file.
    Raises what `transcode_instance` raises, and ProofError for what was not written as it should.
    """
    return at_once(timed(_transcoded(Span.from_json(span), out, target, Options.from_json(options),
                                     write_new)))


def _write_anew(out: str, parts: Iterable[memoryview], *, direct: bool) -> tuple[str, int]:
    with suppress(FileExistsError):  # of the file, before the first part is taken
        return write_new(out, parts, direct=direct)
    Path(out).unlink()
    return write_new(out, parts, direct=direct)


def _transcoded(received: Span, out: str, target: str, options: Options, writing: _Write,
                ) -> Steps[dict[str, Any]]:
    """The steps between `transcoding` and the row: write, read again, prove."""
    with received.view() as view:
        try:
            row = yield from _written(view, received, out, target, options, writing)
        except Exception as error:
            # Its traceback holds parts of the view, which could then not be closed.
            raise error.with_traceback(None) from None
    return row


def _written(view: memoryview, received: Span, out: str, target: str, options: Options,
             writing: _Write) -> Steps[dict[str, Any]]:
    jury, witness = _of_this_process()
    yield
    done = yield from transcoding(view, target, options, scratch=Path(out).parent, jury=jury)
    yield
    # What is small is read again at once, so it goes through the page cache; what `full` reads
    # again is what the disk gives back.
    direct = options.verify == "full" or sum(map(size, done.pieces)) > CACHED
    try:
        sha256, length = writing(out, in_steps(assemble(view, done.pieces)), direct=direct)
    except FileExistsError:
        raise
    except OSError as error:  # not "could not be read", which is what it would be called otherwise
        raise StorageError(f"it cannot be written ({error.strerror})") from None
    written = Span(out, 0, length)
    yield
    if options.verify != "none":
        _proven(view, written, done)
    row = _witnessed(done, received, written, witness)
    return {**row.as_json(), "sha256": sha256, "length": length}


def _proven(view: memoryview, written: Span, done: Transcoded) -> None:
    with written.view() as new:
        try:
            prove(view, new, done)
        except Exception as error:
            raise error.with_traceback(None) from None


@cache
def _of_this_process() -> tuple[Jury, Witness]:
    gc.set_threshold(COLLECT)
    return Jury(), Witness()


def _witnessed(done: Transcoded, received: Span, written: Span, witness: Witness) -> RatioRow:
    if done.source_witness:
        witness.agree(received, done.row.pixels_sha256)
    if done.result_witness:
        witness.agree(written, done.row.pixels_sha256)
        alone = codec(done.row.target_ts).first.code_base
        return replace(done.row, verified="other process",
                       decoded_by=done.row.decoded_by | {alone: done.row.frames})
    if not done.source_witness or done.row.verified in ("two decoders", "foreign decoder"):
        return done.row
    return replace(done.row, verified="other process")
