"""Our decoder of what libjxl writes at effort 1: the same as libjxl, as its plain twin, or a
refusal by name."""

from __future__ import annotations

import random
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasvc.codecs import jpeg_xl, jpeg_xl_reference
from mediasvc.codecs.codec import Array, dtype_of, shape_of
from mediasvc.codecs.jpeg_xl_decode import decode
from mediasvc.codecs.jpeg_xl_fields import FRAME, GLOBAL, TREE
from mediasvc.errors import DamagedError, MediasvcError, UnsupportedError
from mediasvc.model import FrameSpec
from tests.codec_contract import spec_of
from tests.corners import samples_of
from tests.damage import damaged

PATTERNS = ("phantom", "noise", "extremes", "constant", "wrap")
RGB = {"samples": 3, "photometric": "RGB"}
#: Groups are 256 wide: one, pairs, pairs and one; low-frequency groups are 2048 wide.
SIZES = [(1, 1), (256, 256), (257, 256), (256, 257), (30, 512), (300, 769), (4097, 3), (3, 4097)]


def kinds() -> list[FrameSpec]:
    grey = [spec_of(stored=bits) for bits in range(1, 15)]
    few = [spec_of(stored=bits, allocated=8) for bits in range(1, 9)]
    colour = [spec_of(stored=bits, allocated=8 if bits < 9 else 16, **RGB)  # type: ignore[arg-type]
              for bits in range(1, 13)]
    return [*grey, *few, *colour]


def encoded(array: Array, spec: FrameSpec) -> bytes:
    assert jpeg_xl.LOSSLESS.lossless is not None
    return jpeg_xl.LOSSLESS.lossless.encode(array, spec, None)


def of_size(spec: FrameSpec, rows: int, columns: int) -> FrameSpec:
    from dataclasses import replace
    return replace(spec, rows=rows, columns=columns)


def few_colours(spec: FrameSpec, count: int, seed: int = 1) -> Array:
    """What effort 1 writes as a palette, if it has 8 bits."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 1 << spec.bits_stored, (count, spec.samples_per_pixel))
    return colours[rng.integers(0, count, (spec.rows, spec.columns))].reshape(
        shape_of(spec)).astype(dtype_of(spec))


@pytest.mark.parametrize("size", SIZES)
def test_every_kind_of_pixels_of_effort_1_comes_back_exactly(size: tuple[int, int]) -> None:
    for number, kind in enumerate(kinds()):
        spec = of_size(kind, *size)
        pattern = PATTERNS[number % len(PATTERNS)]
        array = samples_of(spec, pattern, spec.bits_stored)
        back = decode(encoded(array, spec), spec)
        assert back.dtype == array.dtype and np.array_equal(back, array), (spec, pattern)


@pytest.mark.parametrize("colours", [1, 2, 17, 255, 256, 500])
@pytest.mark.parametrize("size", [(40, 50), (300, 600)])
@pytest.mark.parametrize("more", [{}, RGB], ids=["grey", "rgb"])
def test_palettes_come_back_exactly(colours: int, size: tuple[int, int],
                                    more: dict[str, Any]) -> None:
    spec = spec_of(*size, allocated=8, stored=8, **more)
    array = few_colours(spec, colours)
    assert np.array_equal(decode(encoded(array, spec), spec), array)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_shape_comes_back_exactly_from_kernel_and_twin(data: st.DataObject) -> None:
    spec = of_size(data.draw(st.sampled_from(kinds())), data.draw(st.integers(1, 40)),
                   data.draw(st.integers(1, 40) | st.integers(500, 540)))
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    spread = data.draw(st.integers(1, 1 << spec.bits_stored))
    array = rng.integers(0, spread, shape_of(spec)).astype(dtype_of(spec))
    array[: data.draw(st.integers(0, spec.rows))] = spread - 1  # runs across rows
    frame = encoded(array, spec)
    assert np.array_equal(decode(frame, spec), array)
    if spec.columns <= 40:
        assert np.array_equal(jpeg_xl_reference.decode(frame), array)


def test_runs_of_all_lengths_come_back_exactly() -> None:
    spec = spec_of(257, 512)
    array = np.zeros(257 * 512, np.uint16)
    array[np.cumsum(np.arange(500))] = 5
    array = array.reshape(257, 512)
    assert np.array_equal(decode(encoded(array, spec), spec), array)


@pytest.mark.parametrize("effort", [2, 3, 7])
@pytest.mark.parametrize("more", [{}, RGB], ids=["grey", "rgb"])
def test_other_efforts_are_refused_by_name(effort: int, more: dict[str, Any]) -> None:
    spec = spec_of(64, 65, allocated=8, stored=8, **more)
    frame = bytes(imagecodecs.jpegxl_encode(samples_of(spec), lossless=True, effort=effort))
    with pytest.raises(UnsupportedError, match="not of the family"):
        decode(frame, spec)
    assert np.array_equal(jpeg_xl.LOSSLESS.decode(frame, spec), samples_of(spec))


@pytest.mark.parametrize("change", [
    {"lossless": False, "distance": 1.0}, {"usecontainer": True, "effort": 7},
], ids=["lossy", "container"])
def test_other_streams_are_refused_by_name(change: dict[str, Any]) -> None:
    spec = spec_of(64, 65, allocated=8, stored=8)
    frame = bytes(imagecodecs.jpegxl_encode(samples_of(spec), **{"lossless": True, **change}))
    with pytest.raises(UnsupportedError, match="not of the family"):
        decode(frame, spec)


def test_pixels_that_take_another_effort_are_said_to_be_unknown() -> None:
    for spec, known in ((spec_of(stored=14), True), (spec_of(stored=15), False),
                        (spec_of(stored=12, **RGB), True),  # type: ignore[arg-type]
                        (spec_of(stored=13, **RGB), False)):  # type: ignore[arg-type]
        assert jpeg_xl.LOSSLESS.alone(spec) is not known
        frame = encoded(samples_of(spec), spec)
        if not known:
            with pytest.raises(UnsupportedError, match="not of the family"):
                jpeg_xl.LOSSLESS.decode(frame, spec, "second")


def test_values_beyond_bits_stored_are_refused() -> None:
    spec = spec_of(20, 30, stored=12)
    array = np.full((20, 30), 3000, np.uint16)
    frame = encoded(array, spec)
    assert np.array_equal(decode(frame, spec), array)
    with pytest.raises(DamagedError):
        decode(frame, of_bits(spec, 11))


def of_bits(spec: FrameSpec, bits: int) -> FrameSpec:
    from dataclasses import replace
    return replace(spec, bits_stored=bits, high_bit=bits - 1)


def test_every_bit_of_the_fields_that_never_change_counts() -> None:
    """Turned, it is another stream, damaged, or one that libjxl refuses too."""
    spec = spec_of(9, 11, stored=12)
    array = samples_of(spec)
    frame = encoded(array, spec)
    head = sum(field.bits for field in (*FRAME, *GLOBAL)) // 8
    for bit in range(8 * 6, 8 * (6 + head + 20)):
        broken = bytearray(frame)
        broken[bit >> 3] ^= 1 << (bit & 7)
        _agrees(bytes(broken), spec)


def _agrees(frame: bytes, spec: FrameSpec) -> bool:
    """Whether ours takes the frame; then kernel, twin and libjxl see the same."""
    try:
        ours: Array | None = jpeg_xl.LOSSLESS.decode(frame, spec, "second")
    except MediasvcError:
        ours = None
    try:
        twin: Array | None = jpeg_xl_reference.decode(frame)
    except MediasvcError:
        twin = None
    assert (ours is None) == (twin is None or (twin >> spec.bits_stored).any()
                              or twin.shape != shape_of(spec))
    if ours is None:
        return False
    assert np.array_equal(ours, twin)  # type: ignore[arg-type]
    try:
        theirs = jpeg_xl.LOSSLESS.decode(frame, spec)
    except MediasvcError:
        return True
    assert np.array_equal(ours, theirs)
    return True


@pytest.mark.parametrize("kind", [
    spec_of(24, 31), spec_of(24, 31, allocated=8, stored=8),
    spec_of(24, 31, allocated=8, stored=8, **RGB),  # type: ignore[arg-type]
    spec_of(3, 520, stored=14), spec_of(2, 520, stored=12, **RGB),  # type: ignore[arg-type]
], ids=str)
def test_damaged_streams_are_refused_or_read_as_libjxl_reads_them(kind: FrameSpec) -> None:
    dice = random.Random(5)
    frames = [encoded(array, kind) for array in (samples_of(kind), few_colours(kind, 9))]
    taken = sum(_agrees(damaged(dice.choice(frames), dice), kind) for _ in range(120))
    assert taken < 60


@pytest.mark.parametrize("stored", [12, 14])
def test_a_stream_that_is_cut_is_refused_wherever(stored: int) -> None:
    spec = spec_of(9, 11, stored=stored)
    frame = encoded(samples_of(spec), spec)
    for cut in range(len(frame)):
        with pytest.raises(MediasvcError):
            jpeg_xl.LOSSLESS.decode(frame[:cut], spec, "second")


def test_bytes_around_the_frame_are_zeros_or_refused() -> None:
    for stored in (12, 14):  # without boxes, with them
        spec = spec_of(9, 11, stored=stored)
        frame = encoded(samples_of(spec), spec)
        assert np.array_equal(decode(frame + b"\0", spec), samples_of(spec))
        with pytest.raises(UnsupportedError, match="not of the family"):
            decode(frame + b"\0\1", spec)
    broken = bytearray(frame)
    broken[20] ^= 1
    with pytest.raises(UnsupportedError, match="boxes"):
        decode(bytes(broken), spec)


def test_real_images_come_back_exactly() -> None:
    """WG04 originals, where they are; those that effort 1 takes."""
    from tests.wg04 import originals

    encoder, seen = jpeg_xl.LOSSLESS.lossless, 0
    assert encoder is not None
    for image in originals():
        if encoder.refusal(image.spec) or jpeg_xl.LOSSLESS.alone(image.spec):
            continue
        try:
            frame = encoder.encode(image.array, image.spec, None)
        except UnsupportedError:
            continue  # bits above Bits Stored
        assert np.array_equal(decode(frame, image.spec), image.array), image.name
        seen += 1
    if not seen:
        pytest.skip("the real data are not here")


@pytest.mark.parametrize("verify", ["normal", "full"])
def test_a_report_counts_what_each_code_base_decoded(verify: Any) -> None:
    """The stream is libjxl's, so ours is the foreign decoder of every frame."""
    from mediasvc.work.transcode import transcode_instance
    from mediasvc.work.transcoding.transcode_row import Options
    from samples.synthesis import instance, to_bytes

    cine = to_bytes(instance(modality="CINE", frames=30, rows=24, columns=20))
    done = transcode_instance(memoryview(cine), "jxl", Options(verify=verify))
    assert done.row.decoded_by["mediasvc"] == done.row.foreign_frames == 30
    assert 4 < done.row.decoded_by["libjxl"] < 10
    assert done.row.verified == "foreign decoder"
    assert not done.result_witness and not done.source_witness


def test_the_tree_of_the_family_is_a_leaf_for_each_channel() -> None:
    """Three splits on the channel, four leaves of the gradient predictor."""
    splits, leaves = TREE[:6], TREE[6:]
    assert splits[::2] == (1, 1, 1) and leaves == (0, 5, 0, 0, 0) * 4
