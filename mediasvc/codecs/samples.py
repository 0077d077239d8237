"""The arithmetic around codecs: native bytes ↔ arrays, sign and stored bits (PS3.5 8.1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array, Frame, dtype_of, shape_of
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec

#: Unsigned integers by the bytes of a cell.
UNSIGNED: dict[int, type[np.unsignedinteger]] = {1: np.uint8, 2: np.uint16, 4: np.uint32}
UNUSED_BITS = "the bits above Bits Stored are used (an overlay, or padding)"


def native_to_array(frame: Frame, spec: FrameSpec, big_endian: bool = False) -> Array:
    """The cells as they stand, by pixel, whatever Planar Configuration says; no bit is masked.

    Raises DamagedError when ``frame`` has not exactly `FrameSpec.native_bytes` bytes.
    """
    if len(frame) != spec.native_bytes:
        raise DamagedError(f"a frame has {len(frame)} bytes instead of {spec.native_bytes}")
    cells = np.frombuffer(frame, dtype_of(spec).newbyteorder(">" if big_endian else "<"))
    cells = cells.astype(dtype_of(spec), copy=False)
    if spec.samples_per_pixel > 1 and spec.planar_configuration == 1:
        planes = cells.reshape(spec.samples_per_pixel, spec.rows, spec.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    return cells.reshape(shape_of(spec))


def array_to_native(array: Array, planar_configuration: int = 0, big_endian: bool = False) -> bytes:
    """The inverse of `native_to_array`."""
    if array.ndim == 3 and planar_configuration == 1:
        array = array.transpose(2, 0, 1)
    return array.astype(array.dtype.newbyteorder(">" if big_endian else "<"), copy=False).tobytes()


def fits(array: Array, spec: FrameSpec) -> bool:
    """Whether every cell is a value of Bits Stored bits, sign-extended where samples are signed."""
    if spec.bits_stored == spec.bits_allocated or not array.size:
        return True
    low, high = value_range(spec)
    return bool(array.max() <= high and (not spec.pixel_representation or array.min() >= low))


def value_range(spec: FrameSpec) -> tuple[int, int]:
    if spec.pixel_representation:
        return -(1 << (spec.bits_stored - 1)), (1 << (spec.bits_stored - 1)) - 1
    return 0, (1 << spec.bits_stored) - 1


def require_fit(array: Array, spec: FrameSpec) -> None:
    """For codecs that keep only the stored bits: refuse cells that have more (FAULTS X09)."""
    if not fits(array, spec):
        raise UnsupportedError(UNUSED_BITS)


def code_bits(spec: FrameSpec) -> int:
    """The precision of a JPEG Lossless or JPEG-LS stream, which knows no sign: Bits Stored.

    Signed samples go as two's complement of Bits Allocated, because other decoders (dcmtk, gdcm)
    extend no sign. Fewer than 8 bits go as 8, because gdcm ends the program at 6 and 7; in cells of
    16 bits as 9 at least, because dcmtk refuses a stream of one byte there and gdcm dies of it.
    """
    least = 8 if spec.bits_allocated == 8 else 9
    return max(least, spec.bits_allocated if spec.pixel_representation else spec.bits_stored)


def to_codes(array: Array, spec: FrameSpec) -> NDArray[np.unsignedinteger]:
    """Unsigned codes of `code_bits` bits: uint8 for 8, else uint16. Refuses cells that have more
    than Bits Stored."""
    require_fit(array, spec)
    codes = array.view(UNSIGNED[array.dtype.itemsize])
    return codes.astype(UNSIGNED[1 if code_bits(spec) <= 8 else 2], copy=False)


def from_codes(codes: NDArray[np.unsignedinteger], spec: FrameSpec, precision: int) -> Array:
    """The inverse of `to_codes` for a stream of ``precision`` bits.

    A stream may have more bits than Bits Stored, when its values say that they need no more
    (signed ones either sign-extended to ``precision`` or cut to Bits Stored). Raises DamagedError
    when they do.
    """
    dtype = dtype_of(spec)
    if precision > spec.bits_allocated:
        raise DamagedError(
            f"the stream has {precision} bits, Bits Allocated says {spec.bits_allocated}")
    if not spec.pixel_representation:
        array = codes.astype(dtype, copy=False)
        _require_stored(array, spec)
        return array
    low = replace(spec, pixel_representation=0)
    if precision > spec.bits_stored and not fits(codes, low):
        array = sign_extend(codes, precision, dtype)
        _require_stored(array, spec)
        return array
    return sign_extend(codes, min(precision, spec.bits_stored), dtype)


def sign_extend(codes: NDArray[np.unsignedinteger], bits: int,
                dtype: np.dtype[np.generic]) -> Array:
    """Two's complement of ``bits`` bits → signed integers of ``dtype``."""
    shift = dtype.itemsize * 8 - bits
    if not shift:
        return codes.astype(UNSIGNED[dtype.itemsize], copy=False).view(dtype)
    high = codes.astype(UNSIGNED[dtype.itemsize]) << shift
    extended: Array = high.view(dtype) >> shift
    return extended


def _require_stored(array: Array, spec: FrameSpec) -> None:
    if not fits(array, spec):
        raise DamagedError(f"the stream has values of more than {spec.bits_stored} bits")
