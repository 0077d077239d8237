"""One instance opened to be looked at: its header and its frames as samples (sandbox child)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.disc.disc_file import SpanFile
from mediasvc.media.page.plain_looks import plain_looks
from mediasvc.span import Span
from mediasvc.standard.transfer_syntaxes import JPEG_BASELINE
from mediasvc.work.rendering.render_frames import stored_bits
from mediasvc.work.transcoding.source_frames import SourceFrames, source_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_APP14 = b"\xff\xee\x00\x0eAdobe"


@contextmanager
def open_frames(span: Span) -> Iterator[OpenFrames]:
    """Close it before the next one is opened: the file is mapped."""
    with ExitStack() as stack:
        yield OpenFrames(span, stack)


class OpenFrames:
    """Frames count from 0."""

    def __init__(self, span: Span, stack: ExitStack) -> None:
        self._span, self._stack = span, stack
        self._last: tuple[int, Any] = (-1, None)

    @cached_property
    def _stream(self) -> Any:
        stream: Any = io.BufferedReader(SpanFile(self._span), 1 << 16)
        self._stack.callback(stream.close)
        return stream

    @cached_property
    def header(self) -> Dataset:
        """All elements before the pixel data."""
        return dcmread(self._stream, stop_before_pixels=True, force=True)

    @cached_property
    def looks(self) -> Dataset:
        """Of the header at least what `display` asks."""
        plain = plain_looks(self._source.framing) if self._source is not None else None
        return self.header if plain is None else plain

    @cached_property
    def _source(self) -> SourceFrames | None:
        """None for one-bit, padded or otherwise rare pixels: what pydicom makes of them is enough
        to look at."""
        try:
            return source_frames(read_framing(self._stack.enter_context(self._span.view())))
        except (UnsupportedError, DamagedError):
            return None

    def samples(self, frame: int) -> NDArray[np.generic]:
        """(rows, columns) or, with colour as RGB, (rows, columns, 3). Who asks again for the same
        frame gets the same array: it is decoded once."""
        if self._last[0] != frame:
            self._last = (frame, self._decoded(frame))
        samples: NDArray[np.generic] = self._last[1]
        return samples

    def _decoded(self, frame: int) -> NDArray[np.generic]:
        try:
            if self._source is not None:
                samples = self._source.decode(frame)
                if self._source.spec.photometric_interpretation.startswith("YBR"):
                    return convert_color_space(samples, "YBR_FULL", "RGB")
                return stored_bits(samples, self._source.received.bits_stored)
        except (UnsupportedError, DamagedError):
            pass
        self._stream.seek(0)
        return pixel_array(self._stream, index=frame)

    def jpeg(self, frame: int) -> bytes | None:
        """The frame as the JPEG file that it is, where every browser shows it as it is meant."""
        source = self._source
        if source is None or source.framing.transfer_syntax_uid != JPEG_BASELINE:
            return None
        colour = source.received.photometric_interpretation
        if not colour.startswith(("YBR_FULL", "MONOCHROME")) or source.received.bits_stored != 8:
            return None
        stream = bytes(source.frames[frame])
        marker = stream.find(_APP14, 0, 1024)
        if marker >= 0 and colour.startswith("YBR") and stream[marker + 15:marker + 16] != b"\x01":
            return None
        return stream
