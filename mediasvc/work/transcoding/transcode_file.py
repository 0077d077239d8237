"""The child's side of a transcoding: read a file, write another, read that again, prove it."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from mediasvc.codecs.table import codec, missing
from mediasvc.dicom.pieces import assemble, size
from mediasvc.direct_write import write_new
from mediasvc.errors import ProofError, StorageError
from mediasvc.span import Span
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.transcode import transcoding
from mediasvc.work.transcoding.jury import Jury
from mediasvc.work.transcoding.proof import proving
from mediasvc.work.transcoding.transcode_row import Options, RatioRow, Transcoded
from mediasvc.work.transcoding.witness import Witness
from mediasvc.work.turns.batches import each
from mediasvc.work.turns.in_step import Steps, at_once, groups, in_step
from mediasvc.work.turns.mapped import in_steps

#: What is written past the page cache waits for the disk: meanwhile the next files are worked on.
AT_ONCE = 2
#: Files in step, and their bytes: all of them are in memory.
IN_STEP, STEP_BYTES = 32, 32 << 20
#: Objects after which cycles are looked for: some thousand make a file's framing, in none of them.
COLLECT = 50_000
#: Longer files are written past the page cache.
CACHED = 4 << 20
#: Of a row, what another process has yet to see: files and the sha256 of their pixels.
_ASKED = "asked"
_NOT_SEEN = "another process does not read these pixels in the file"
_mine: list[tuple[Jury, Witness]] = []
_Write = Callable[..., tuple[str, int]]


def transcode_files(items: list[dict[str, Any]], target: str, options: dict[str, Any],
                    ) -> list[dict[str, Any]]:
    """`transcode_file` for each item ``{"span", "out"}``. Whoever asked makes the files durable.

    What a child that died left at ``out`` is written anew.
    """
    chosen = Options.from_json(options)
    _, witness = _of_this_process(early=_is_alone(target) and chosen.verify != "none")

    def one(item: dict[str, Any]) -> Steps[dict[str, Any]]:
        return _transcoded(Span.from_json(item["span"]), item["out"], target, chosen, _write_anew)

    batch = [{"group": group} for group in groups(
        items, lambda item: int(item["span"]["length"]), IN_STEP, STEP_BYTES)]
    threads = min(AT_ONCE, len(batch)) if chosen.verify == "full" else 1
    return list(chain.from_iterable(each(
        lambda item: witnessed(in_step(map(one, item["group"])), witness), batch,
        threads=threads)))


def transcode_file(span: dict[str, Any], out: str, target: str, options: dict[str, Any],
                   ) -> dict[str, Any]:
    """Write the file ``span`` in another syntax at ``out``, which must not be there.

    Answers the row of CONTRACT without its paths, and ``sha256`` and ``length`` of the new file.
    Raises what `transcode_instance` raises, and ProofError for what was not written as it should.
    """
    started = time.perf_counter()
    row = at_once(_transcoded(Span.from_json(span), out, target, Options.from_json(options),
                              write_new))
    row["seconds"] = round(time.perf_counter() - started, 6)
    proven, = witnessed([row], _of_this_process()[1])
    if "error" in proven:
        raise ProofError(proven["text"])
    return proven


def witnessed(rows: list[dict[str, Any]], witness: Witness) -> list[dict[str, Any]]:
    """The rows without what they ask another process, an error where it does not agree. It is asked
    once for all of them."""
    numbers, asked = [], []
    for number, row in enumerate(rows):
        for one in row.pop(_ASKED, ()):
            numbers.append(number)
            asked.append(one)
    if not asked:
        return rows
    started = time.perf_counter()
    seen = witness.sees(asked)
    share = (time.perf_counter() - started) / len(asked)
    for number, agrees in zip(numbers, seen, strict=True):
        if not agrees:
            rows[number] = {"error": ProofError.__name__, "text": _NOT_SEEN}
        elif "error" not in rows[number]:
            rows[number]["seconds"] = round(rows[number]["seconds"] + share, 6)
    return rows


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
    jury, _ = _of_this_process()
    yield
    folder = os.path.dirname(out)  # noqa: PTH120 - plain strings
    done = yield from transcoding(view, target, options, scratch=folder, jury=jury)
    yield
    # What is small is read again at once, so it goes through the page cache; what `full` reads
    # again is what the disk gives back.
    large, parts = sum(map(size, done.pieces)) > CACHED, assemble(view, done.pieces)
    try:
        sha256, length = writing(out, in_steps(parts) if large else parts,
                                 direct=large or options.verify == "full")
    except FileExistsError:
        raise
    except OSError as error:  # not "could not be read", which is what it would be called otherwise
        raise StorageError(f"it cannot be written ({error.strerror})") from None
    written = Span(out, 0, length)
    yield
    if options.verify != "none":
        yield from _proven(view, written, done)
    sha256s = done.row.pixels_sha256
    asked = [(one, sha256s) for one, wanted in ((received, done.source_witness),
                                                (written, done.result_witness)) if wanted]
    return {**_row(done).as_json(), "sha256": sha256, "length": length, _ASKED: asked}


def _proven(view: memoryview, written: Span, done: Transcoded) -> Steps[None]:
    with written.view() as new:
        yield
        try:
            yield from proving(view, new, done)
        except Exception as error:
            raise error.with_traceback(None) from None


def _of_this_process(*, early: bool = False) -> tuple[Jury, Witness]:
    """``early`` in time, see `Witness`; once there is one it stays."""
    if not _mine:
        gc.set_threshold(COLLECT)
        _mine.append((Jury(), Witness(early=early)))
    return _mine[0]


def _is_alone(target: str) -> bool:
    wanted = ts.transfer_syntax(target)
    return wanted.encapsulated and not missing(wanted.uid) and codec(wanted.uid).alone()


def _row(done: Transcoded) -> RatioRow:
    """As it is when another process agrees."""
    if done.result_witness:
        alone = codec(done.row.target_ts).first.code_base
        return replace(done.row, verified="other process",
                       decoded_by=done.row.decoded_by | {alone: done.row.frames})
    if not done.source_witness or done.row.verified in ("two decoders", "foreign decoder"):
        return done.row
    return replace(done.row, verified="other process")
