"""The decoded frames of an instance: by our codecs where they take it, else by pydicom."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array

from mediasvc.dicom.frames import number_of_frames
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.disc.disc_file import SpanFile
from mediasvc.media.ordinary.ordinary_window import SAMPLED
from mediasvc.media.page.page_content import spread
from mediasvc.span import Span
from mediasvc.work.transcoding.source_frames import SourceFrames, source_frames

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class FrameSource:
    """``ours`` is None where pydicom decodes: one-bit, float or otherwise rare pixels."""

    span: Span
    header: FileDataset
    framing: Framing = field(repr=False)
    ours: SourceFrames | None = field(repr=False)
    count: int

    @property
    def middle(self) -> int:
        """The frame that stands for all, from 0."""
        return self.count // 2

    def samples(self, frame: int) -> NDArray[Any]:
        """(rows, columns), or (rows, columns, 3) as RGB; frames count from 0.

        Raises UnsupportedError, DamagedError, BudgetError.
        """
        if self.ours is None:
            return self._by_pydicom(frame)
        try:
            decoded = self.ours.decode(frame)
        except UnsupportedError:  # one bit in a compressed frame
            return self._by_pydicom(frame)
        if self.ours.spec.photometric_interpretation.startswith("YBR"):
            return convert_color_space(decoded, "YBR_FULL", "RGB")
        # what lies in a mapped file must not outlive the mapping
        return stored_bits(decoded, self.ours.received.bits_stored).copy()

    def some(self) -> list[tuple[int, NDArray[Any]]]:
        """A few frames, evenly spread, with their numbers."""
        return [(number, self.samples(number)) for number in spread(self.count,
                                                                    min(SAMPLED, self.count))]

    def _by_pydicom(self, frame: int) -> NDArray[Any]:
        source: Any = io.BufferedReader(SpanFile(self.span), 1 << 16)
        try:
            return pixel_array(source, index=frame)
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # its words may quote the data
            raise UnsupportedError(f"its pixels cannot be decoded ({_syntax(self.framing)})"
                                   ) from error


def with_frames(span: Span, work: Callable[[FrameSource], _Result]) -> _Result:
    """``work`` on the frames of the DICOM file ``span``. Raises DamagedError, UnsupportedError."""
    return on_framing(span, lambda framing, header: work(_frames(span, framing, header)))


def on_framing(span: Span, work: Callable[[Framing, FileDataset], _Result]) -> _Result:
    """``work`` on the framing and the header, all elements before the pixel data."""
    with span.view() as view:
        try:
            framing = read_framing(view)
            if framing.damaged:
                raise DamagedError("the DICOM file is damaged or cut short")
            return work(framing, read_header(span))
        except Exception as error:
            # its traceback holds parts of the view, which could then not be closed
            raise error.with_traceback(None) from None


def read_header(span: Span) -> FileDataset:
    source: Any = io.BufferedReader(SpanFile(span), 1 << 16)
    try:
        return dcmread(source, stop_before_pixels=True, force=True)
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        raise DamagedError("its header cannot be read") from error


def _frames(span: Span, framing: Framing, header: FileDataset) -> FrameSource:
    try:
        ours = source_frames(framing)
        return FrameSource(span, header, framing, ours, len(ours))
    except BudgetError:
        raise
    except (UnsupportedError, DamagedError):
        return FrameSource(span, header, framing, None, number_of_frames(framing))


def stored_bits(samples: NDArray[Any], stored: int) -> NDArray[Any]:
    """Without what stands above Bits Stored: an old overlay, or padding (PS3.5 8.1.1)."""
    unused = 8 * samples.itemsize - stored
    if unused <= 0 or not np.issubdtype(samples.dtype, np.integer):
        return samples
    shifted: NDArray[Any] = np.right_shift(np.left_shift(samples, unused), unused)
    return shifted


def _syntax(framing: Framing) -> str:
    from mediasvc.standard.transfer_syntaxes import name_of

    return name_of(framing.transfer_syntax_uid)
