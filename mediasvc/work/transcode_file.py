"""The child's side of a transcoding: read a file, write another, read that again, prove it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from mediasvc.dicom.pieces import assemble
from mediasvc.direct_write import write_new
from mediasvc.span import Span
from mediasvc.work.batches import each
from mediasvc.work.jury import Jury
from mediasvc.work.mapped import in_steps
from mediasvc.work.proof import prove
from mediasvc.work.transcode import transcode_instance
from mediasvc.work.transcode_row import Options, RatioRow, Transcoded
from mediasvc.work.witness import Witness

#: While one file waits for the disk, the next is worked on.
AT_ONCE = 2
_Result = TypeVar("_Result")


def transcode_files(items: list[dict[str, Any]], target: str, options: dict[str, Any],
                    ) -> list[dict[str, Any]]:
    """`transcode_file` for each item ``{"span", "out"}``; what was written is on the disk.

    What a child that died left at ``out`` is written anew.
    """
    chosen = Options.from_json(options)

    def one(item: dict[str, Any]) -> dict[str, Any]:
        received = Span.from_json(item["span"])
        try:
            return _transcoded(received, item["out"], target, chosen)
        except FileExistsError:
            Path(item["out"]).unlink()
            return _transcoded(received, item["out"], target, chosen)

    rows = each(one, items, threads=min(AT_ONCE, len(items)))
    # All are written before the first is synced: one commit of the file system's journal for all.
    return [_on_disk(item["out"], row) for item, row in zip(items, rows, strict=True)]


def transcode_file(span: dict[str, Any], out: str, target: str, options: dict[str, Any],
                   ) -> dict[str, Any]:
    """Write the file ``span`` in another syntax at ``out``, which must not be there.

    Answers the row of CONTRACT without its paths, and ``sha256`` and ``length`` of the new file.
    Raises what `transcode_instance` raises, and ProofError for what was not written as it should.
    """
    return _transcoded(Span.from_json(span), out, target, Options.from_json(options))


def _transcoded(received: Span, out: str, target: str, options: Options) -> dict[str, Any]:
    started = time.perf_counter()
    row = _viewed(received, lambda view: _written(view, received, out, target, options))
    return {**row, "seconds": round(time.perf_counter() - started, 6)}


def _written(view: memoryview, received: Span, out: str, target: str, options: Options,
             ) -> dict[str, Any]:
    jury, witness = _of_this_process()
    done = transcode_instance(view, target, options, scratch=Path(out).parent, jury=jury)
    sha256, length = write_new(out, in_steps(assemble(view, done.pieces)))
    written = Span(out, 0, length)
    if options.verify != "none":
        _viewed(written, lambda new: prove(view, new, done))
    row = _witnessed(done, received, written, witness)
    return {**row.as_json(), "sha256": sha256, "length": length}


def _viewed(span: Span, work: Callable[[memoryview], _Result]) -> _Result:
    with span.view() as view:
        try:
            return work(view)
        except Exception as error:
            # Its traceback holds parts of the view, which could then not be closed.
            raise error.with_traceback(None) from None


@cache
def _of_this_process() -> tuple[Jury, Witness]:
    return Jury(), Witness()


def _witnessed(done: Transcoded, received: Span, written: Span, witness: Witness) -> RatioRow:
    if done.source_witness:
        witness.agree(received, done.row.pixels_sha256)
    if done.result_witness:
        witness.agree(written, done.row.pixels_sha256)
    elif not done.source_witness or done.row.verified == "two decoders":
        return done.row
    return replace(done.row, verified="other process")


def _on_disk(path: str, row: dict[str, Any]) -> dict[str, Any]:
    if "error" in row:
        return row
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:  # what a failed sync left in memory is never tried again (FAULTS X13)
        return {"error": "StorageError", "text": f"the disk did not keep it ({error.strerror})"}
    finally:
        os.close(fd)
    return row
