"""Fast kernels: what they write is what other code bases read, they read what they wrote, and of
damaged streams they take nothing that their plain references read otherwise."""

from __future__ import annotations

import random

import imagecodecs
import numpy as np
import pytest

from mediasvc.codecs import jpeg_lossless_decode, jpeg_lossless_encode, rle_frame
from mediasvc.codecs.rle import CODEC as RLE
from mediasvc.codecs.table import codec
from mediasvc.errors import MediasvcError
from mediasvc.model import FrameSpec
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from samples.phantom import colour, grey
from tests.damage import damaged, plain_twins, streams, twin_says

SIZES = [(1, 1), (1, 17), (17, 1), (3, 5), (64, 63), (129, 257)]


def spec_of(array: np.ndarray, stored: int) -> FrameSpec:
    bits = array.dtype.itemsize * 8
    samples = array.shape[2] if array.ndim == 3 else 1
    return FrameSpec(array.shape[0], array.shape[1], samples, bits, stored, stored - 1, 0,
                     "RGB" if samples == 3 else "MONOCHROME2")


def images() -> list[tuple[str, np.ndarray, int]]:
    noise = np.random.default_rng(7)
    found: list[tuple[str, np.ndarray, int]] = []
    for rows, columns in SIZES:
        found += [
            (f"grey12 {rows}x{columns}", grey(rows, columns, 3), 12),
            (f"noise16 {rows}x{columns}",
             noise.integers(0, 1 << 16, (rows, columns), dtype=np.uint16), 16),
            (f"edges16 {rows}x{columns}",
             noise.choice(np.array([0, 0x8000, 0xFFFF], np.uint16), (rows, columns)), 16),
            (f"colour {rows}x{columns}", colour(rows, columns, 5), 8),
        ]
    return found


@pytest.mark.parametrize(("array", "stored"), [row[1:] for row in images()],
                         ids=[row[0] for row in images()])
def test_jpeg_lossless_is_exact_in_our_and_in_a_foreign_decoder(
        array: np.ndarray, stored: int) -> None:
    spec = spec_of(array, stored)
    data = jpeg_lossless_encode.encode(array, spec)
    assert np.array_equal(jpeg_lossless_decode.decode(data, spec), array)
    foreign = imagecodecs.jpegsof3_decode(data)
    assert np.array_equal(np.asarray(foreign).reshape(array.shape), array)


@pytest.mark.parametrize(("array", "stored"), [row[1:] for row in images()],
                         ids=[row[0] for row in images()])
def test_rle_is_exact_in_the_library(
        array: np.ndarray, stored: int) -> None:
    spec = spec_of(array, stored)
    data = rle_frame.encode(array)
    assert np.array_equal(RLE.decode(data, spec), array)


by_twin = pytest.mark.parametrize("uid", plain_twins(),
                                  ids=lambda uid: TRANSFER_SYNTAXES[uid].keyword)


@by_twin
def test_the_plain_reference_reads_good_streams_as_the_kernel_does(uid: str) -> None:
    for stream in streams(uid):
        twin = twin_says(uid, stream.data, stream.spec)
        assert twin is not None and np.array_equal(twin, stream.samples)


@by_twin
def test_what_a_kernel_takes_of_damaged_streams_its_reference_reads_the_same(uid: str) -> None:
    dice, taken = random.Random(11), 0
    ours = "first" if codec(uid).first.code_base == "mediasvc" else "second"
    for _ in range(400):
        stream = dice.choice(streams(uid))
        data = damaged(stream.data, dice)
        try:
            array = codec(uid).decode(data, stream.spec, ours)
        except MediasvcError:
            continue
        twin = twin_says(uid, data, stream.spec)
        assert twin is not None and np.array_equal(twin, array)
        taken += 1
    assert taken > 5
