"""A plain decoder of JPEG Lossless, Process 14: all seven predictors (T.81 annex H).

Container half: markers and tables. The arithmetic is in `jpeg_lossless_kernel`. It takes one
component or several, interleaved or in a scan each, 2 to 16 bits, point transform and restart
intervals. It is the second opinion on every other decoder of this syntax.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import Frame
from mediasvc.codecs.jpeg_tables import Tables, read_tables
from mediasvc.errors import DamagedError, UnsupportedError


def decode(frame: Frame) -> NDArray[np.uint16]:
    """The codes of one frame, shape (components, rows, columns).

    Raises DamagedError, or UnsupportedError for subsampled components.
    """
    from mediasvc.codecs.jpeg_lossless_kernel import decode_scan

    header = jpeg_stream.read_jpeg_header(frame)
    if header.sof != jpeg_stream.SOF_LOSSLESS:
        raise DamagedError("the stream is not JPEG Lossless")
    if any((c.horizontal, c.vertical) != (1, 1) for c in header.components):
        raise UnsupportedError("JPEG Lossless with subsampled components")
    data = memoryview(frame)
    octets = np.frombuffer(frame, np.uint8)
    planes = np.zeros((len(header.components), header.rows, header.columns), np.uint16)
    tables, left, at = Tables(), set(header.identifiers), 0
    while left:
        rows = jpeg_stream.segments(data, at)
        scan = rows[-1]
        if scan.marker != jpeg_stream.SOS:
            raise DamagedError("the JPEG stream ends before its last component")
        read_tables(rows, tables)
        numbers, lookups = _scan_components(scan.body, header, tables)
        predictor, transform = scan.body[-3], scan.body[-1] & 15
        _require(header, predictor, transform, tables.restart)
        bits = header.precision - transform
        at = int(decode_scan(octets, scan.end, lookups, np.array(numbers, np.int64), planes,
                             predictor, bits, tables.restart))
        if at < 0:
            raise DamagedError("the JPEG Lossless scan is damaged")
        # Encoders of ultrasound machines rely on the wrap (pylibjpeg-libjpeg issue 90).
        planes[numbers] = (planes[numbers] & ((1 << bits) - 1)) << transform
        left -= {header.identifiers[number] for number in numbers}
    return planes


def _scan_components(body: memoryview, header: jpeg_stream.JpegHeader, tables: Tables,
                     ) -> tuple[list[int], NDArray[np.int64]]:
    """Positions of the scan's components in the frame, and their lookup tables."""
    numbers, lookups = [], []
    for at in range(1, 1 + 2 * body[0], 2):
        table = tables.huffman.get(body[at + 1] >> 4)
        if body[at] not in header.identifiers or table is None:
            raise DamagedError("the JPEG scan names a component or table that is not there")
        numbers.append(header.identifiers.index(body[at]))
        lookups.append(table)
    if len(set(numbers)) != len(numbers) or not numbers:
        raise DamagedError("the JPEG scan names a component twice")
    return numbers, np.array(lookups)


def _require(header: jpeg_stream.JpegHeader, predictor: int, transform: int, restart: int) -> None:
    if not 1 <= predictor <= 7 or not 2 <= header.precision <= 16 or transform >= header.precision:
        raise DamagedError("the JPEG Lossless parameters are impossible")
    if restart % header.columns:  # H.1.1: whole lines
        raise DamagedError("the JPEG restart interval is not a number of lines")
