"""A plain decoder of JPEG-LS, lossless and near-lossless (T.87): the container half.

It takes 2 to 16 bits, preset parameters, and components in scans of their own, by line or by
sample. It reads what the fast kernel does not take, and is what that one is measured by.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import Frame
from mediasvc.codecs.jpeg_ls_stream import parameters, preset_of, read_frame_header, scan_of
from mediasvc.errors import DamagedError


def decode(frame: Frame) -> NDArray[np.uint16]:
    """The codes of one frame, shape (components, rows, columns).

    Raises DamagedError, or UnsupportedError for mapping tables, restart intervals, subsampling and
    point transforms, which DICOM does not use.
    """
    from mediasvc.codecs.jpeg_ls_reference_scan import decode_scan

    header = read_frame_header(frame)
    data, octets = memoryview(frame), np.frombuffer(frame, np.uint8)
    planes = np.zeros((len(header.components), header.rows, header.columns), np.uint16)
    preset: bytes = b""
    left, at = set(header.identifiers), 0
    while left:
        rows = jpeg_stream.segments(data, at)
        scan = rows[-1]
        if scan.marker != jpeg_stream.SOS:
            raise DamagedError("the JPEG-LS stream ends before its last component")
        preset = preset_of(rows, preset)
        numbers, near, interleave = scan_of(scan.body, header)
        p = parameters(preset, header.precision, near)
        values = np.array([p.maxval, near, p.t1, p.t2, p.t3, p.reset, interleave], np.int64)
        at = int(decode_scan(octets, scan.end, np.array(numbers, np.int64), planes, values))
        if at < 0:
            raise DamagedError("the JPEG-LS scan is damaged")
        left -= {header.identifiers[number] for number in numbers}
    return planes
