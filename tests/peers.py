"""The same frames in other libraries, one thread each: the peers of `scripts/bench_codecs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import imagecodecs
import numpy as np

from mediasvc.codecs.codec import Array
from mediasvc.codecs.samples import array_to_native, code_bits, native_to_array, to_codes
from mediasvc.model import FrameSpec


class Peer(NamedTuple):
    """``alias`` is our word for the transfer syntax."""

    alias: str
    name: str
    encode: Callable[[Array, FrameSpec], bytes]
    decode: Callable[[bytes, FrameSpec], Any]


def _rle_encode(array: Array, spec: FrameSpec) -> bytes:
    from rle.utils import encode_pixel_data

    data: bytes = encode_pixel_data(
        array_to_native(array), byteorder="<", rows=spec.rows, columns=spec.columns,
        samples_per_pixel=spec.samples_per_pixel, bits_allocated=spec.bits_allocated)
    return data


def _rle_decode(data: bytes, spec: FrameSpec) -> Array:
    from rle.rle import decode_frame

    planes = decode_frame(data, spec.rows * spec.columns, spec.bits_allocated, "<")
    return native_to_array(planes, replace(spec, planar_configuration=1))


def _jpll_encode(array: Array, spec: FrameSpec) -> bytes:
    colour = "RGB" if spec.samples_per_pixel == 3 else None
    return bytes(imagecodecs.jpeg8_encode(
        to_codes(array, spec), lossless=True, predictor=1, bitspersample=code_bits(spec),
        colorspace=colour, outcolorspace=colour))


def _jpll_decode(data: bytes, spec: FrameSpec) -> Any:
    colour = "RGB" if spec.samples_per_pixel == 3 else None
    return imagecodecs.jpeg8_decode(data, colorspace=colour, outcolorspace=colour)


def _unsigned(array: Array) -> Array:
    return array.view(np.dtype(f"u{array.itemsize}"))


PEERS = (
    Peer("rle", "pylibjpeg-rle", _rle_encode, _rle_decode),
    Peer("jpll", "libjpeg-turbo", _jpll_encode, _jpll_decode),
    Peer("jls", "CharLS", lambda array, spec: bytes(imagecodecs.jpegls_encode(_unsigned(array))),
         lambda data, spec: imagecodecs.jpegls_decode(data)),
    Peer("j2k", "OpenJPEG",
         lambda array, spec: bytes(imagecodecs.jpeg2k_encode(
             array, codecformat="J2K", bitspersample=spec.bits_stored, reversible=True,
             numthreads=1)),
         lambda data, spec: imagecodecs.jpeg2k_decode(data, numthreads=1)),
    Peer("htj2k", "OpenJPH",
         lambda array, spec: bytes(imagecodecs.htj2k_encode(array, reversible=True)),
         lambda data, spec: imagecodecs.htj2k_decode(data)),
    Peer("jxl", "libjxl",
         lambda array, spec: bytes(imagecodecs.jpegxl_encode(
             _unsigned(array), lossless=True, effort=1, numthreads=1)),
         lambda data, spec: imagecodecs.jpegxl_decode(data, numthreads=1)),
)
