"""JPEG: differences modulo 2^16, colour markers, streams that are not what they say."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from mediasvc.codecs import (
    jpeg,
    jpeg_lossless,
    jpeg_lossless_reference,
    jpeg_ls,
    jpeg_ls_decode,
    jpeg_ls_encode,
    jpeg_ls_quantizer,
    jpeg_ls_reference,
    jpeg_ls_stream,
    jpeg_reference,
)
from mediasvc.codecs.codec import Array, FrameSpec
from mediasvc.codecs.jpeg_stream import end_of_image, read_jpeg_header
from mediasvc.codecs.samples import from_codes, to_codes
from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from tests.codec_contract import samples_of, spec_of
from tests.corners import corners

RGB = spec_of(33, 41, samples=3, allocated=8, stored=8, photometric="RGB")
YBR = spec_of(33, 41, samples=3, allocated=8, stored=8, photometric="YBR_FULL_422")


class Bits:
    """Bits into bytes, with a zero behind each FF (T.81 F.1.2.3)."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, count: int) -> None:
        self.text += format(value, f"0{count}b") if count else ""

    def bytes(self) -> bytes:
        padded = self.text + "1" * (-len(self.text) % 8)
        raw = int(padded, 2).to_bytes(len(padded) // 8, "big")
        return raw.replace(b"\xff", b"\xff\x00")


def lossless_stream(differences: list[list[int]], precision: int, *, restart: int = 0,
                    transform: int = 0, predictor: int = 1) -> bytes:
    """A SOF3 stream whose differences are written exactly as given: every category 0 to 16 has a
    code of 5 bits, its own number."""
    rows, columns = len(differences), len(differences[0])
    bits, scan = Bits(), b""
    for y, row in enumerate(differences):
        if restart and y and y * columns % restart == 0:
            scan += bits.bytes() + bytes([0xFF, 0xD0 + (y * columns // restart - 1) % 8])
            bits = Bits()
        for difference in row:
            category = abs(difference).bit_length()
            bits.put(category, 5)
            if category < 16:
                bits.put(difference + ((1 << category) - 1 if difference < 0 else 0), category)
    table = bytes([0x00, *[0, 0, 0, 0, 17], *[0] * 11, *range(17)])
    frame = bytes([precision, *rows.to_bytes(2, "big"), *columns.to_bytes(2, "big"), 1, 1, 0x11, 0])
    start = bytes([1, 1, 0, predictor, 0, transform])
    dri = _segment(0xDD, restart.to_bytes(2, "big")) if restart else b""
    return (b"\xff\xd8" + _segment(0xC4, table) + _segment(0xC3, frame) + dri
            + _segment(0xDA, start) + scan + bits.bytes() + b"\xff\xd9")


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body



def both(data: bytes, spec: FrameSpec) -> list[Array]:
    return [jpeg_lossless.PROCESS_14.decode(data, spec, which) for which in ("first", "second")]


def test_differences_beyond_the_precision_wrap_as_the_standard_says() -> None:
    """FAULTS X01: ultrasound encoders write -180 where +76 was meant; 255 instead of 128 comes out
    where a decoder cuts the value instead of taking it modulo 2^16 and its low 8 bits."""
    stream = lossless_stream([[-76, -180, 1], [0, 0, -127]], 8)
    spec = spec_of(2, 3, allocated=8, stored=8)
    want = np.array([[52, 128, 129], [52, 52, 181]], np.uint8)
    for back in both(stream, spec):
        assert np.array_equal(back, want)
    for opinion in (imagecodecs.ljpeg_decode, imagecodecs.jpegsof3_decode):
        assert np.array_equal(opinion(stream), want)


def test_a_full_swing_of_16_bits_goes_through_the_wrap() -> None:
    array = np.array([[0, 65535, 0, 65535], [32768, 0, 1, 65534]], np.uint16)
    spec = spec_of(2, 4, stored=16)
    encoder = jpeg_lossless.SV1.lossless
    assert encoder is not None
    for back in both(encoder.encode(array, spec, None), spec):
        assert np.array_equal(back, array)


def test_a_difference_of_32768_has_no_additional_bits() -> None:
    stream = lossless_stream([[-32768, 32768, 1]], 16)
    for back in both(stream, spec_of(1, 3, stored=16)):
        assert back.tolist() == [[0, 32768, 32769]]


@pytest.mark.parametrize("predictor", range(1, 8))
def test_all_seven_predictors_decode(predictor: int) -> None:
    array = samples_of(spec_of(19, 23))
    stream = imagecodecs.jpeg8_encode(array, lossless=True, predictor=predictor, bitspersample=12)
    for back in both(bytes(stream), spec_of(19, 23)):
        assert np.array_equal(back, array)


def test_restart_intervals_begin_the_prediction_anew() -> None:
    stream = lossless_stream([[1, 1], [2, 2], [3, 3]], 8, restart=2)
    for back in both(stream, spec_of(3, 2, allocated=8, stored=8)):
        assert back.tolist() == [[129, 130], [130, 132], [131, 134]]


def test_a_point_transform_is_taken_back() -> None:
    stream = lossless_stream([[0, 1], [2, 0]], 8, transform=2)
    for back in both(stream, spec_of(2, 2, allocated=8, stored=8)):
        assert back.tolist() == [[128, 132], [136, 136]]


@pytest.mark.parametrize("break_it", [
    lambda data: data[:-6], lambda data: data[:60],
    lambda data: data.replace(b"\xff\xda\x00\x08\x01\x01", b"\xff\xda\x00\x08\x01\x02"),
], ids=["cut", "header", "component"])
def test_a_broken_lossless_stream_is_an_error_of_the_reference(break_it: object) -> None:
    stream = lossless_stream([[1] * 64] * 64, 8)
    with pytest.raises(DamagedError):
        jpeg_lossless_reference.decode(break_it(stream))  # type: ignore[operator]


def test_lossless_ybr_is_written_without_a_mark_of_rgb() -> None:
    """libjpeg-turbo 3.1 writes wrong tables for lossless YCbCr of noise; we go around that."""
    encoder = jpeg_lossless.SV1.lossless
    assert encoder is not None
    spec = spec_of(33, 41, samples=3, allocated=8, stored=8, photometric="YBR_FULL")
    array = samples_of(spec, "noise")
    data = encoder.encode(array, spec, None)
    header = read_jpeg_header(data)
    assert header.adobe is None and header.identifiers == b"\1\2\3"
    for back in both(data, spec):
        assert np.array_equal(back, array)


def test_the_predictor_of_70_is_one() -> None:
    stream = bytes(imagecodecs.jpeg8_encode(samples_of(spec_of()), lossless=True, predictor=4,
                                            bitspersample=12))
    with pytest.raises(DamagedError, match="predictor"):
        jpeg_lossless.SV1.decode(stream, spec_of())


def baseline(colour: str, spec: FrameSpec = RGB) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(samples_of(spec), 90, colorspace="RGB",
                                          outcolorspace=colour, subsampling="422"))


def test_baseline_colour_is_not_converted() -> None:
    array = samples_of(RGB)
    rgb = jpeg.BASELINE.decode(baseline("RGB"), RGB)
    assert np.abs(rgb.astype(int) - array).max() < 25
    ybr = jpeg.BASELINE.decode(baseline("YCBCR"), YBR)
    assert jpeg.BASELINE.decoded(YBR).photometric_interpretation == "YBR_FULL"
    y = 0.299 * array[..., 0] + 0.587 * array[..., 1] + 0.114 * array[..., 2]
    assert np.abs(ybr[..., 0] - y).max() < 25


@pytest.mark.parametrize(("colour", "spec"), [("RGB", YBR), ("YCBCR", RGB)])
def test_a_stream_that_contradicts_its_label_is_refused(colour: str, spec: FrameSpec) -> None:
    with pytest.raises(UnsupportedError, match="the JPEG stream says"):
        jpeg.BASELINE.decode(baseline(colour), spec)


def test_a_stream_without_marks_is_what_its_label_says() -> None:
    plain = baseline("RGB")
    adobe = plain.index(b"\xff\xee")
    plain = plain[:adobe] + plain[adobe + 16:]
    plain = plain.replace(b"\x03R\x11\x00G\x11\x00B\x11\x00",
                          b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00")
    plain = plain.replace(b"\x03R\x00G\x00B\x00", b"\x03\x01\x00\x02\x00\x03\x00")
    header = read_jpeg_header(plain)
    assert header.adobe is None and not header.jfif and header.identifiers == b"\1\2\3"
    assert np.array_equal(jpeg.BASELINE.decode(plain, RGB), jpeg.BASELINE.decode(plain, YBR))


@pytest.mark.parametrize("tail", [b"", b"\0", b"\xff", b"\x14\x01"])
def test_whatever_pads_a_jpeg_stream_is_left_off(tail: bytes) -> None:
    stream = baseline("YCBCR")
    assert end_of_image(stream + tail) == len(stream)
    assert np.array_equal(jpeg.BASELINE.decode(stream + tail, YBR), jpeg.BASELINE.decode(stream,
                                                                                         YBR))


def test_a_jpeg_that_is_cut_off_is_damaged_and_not_grey() -> None:
    with pytest.raises(DamagedError, match="cut off"):
        jpeg.BASELINE.decode(baseline("YCBCR")[:-200], YBR)


def test_another_process_than_the_syntax_says_is_refused() -> None:
    stream = bytes(imagecodecs.jpeg8_encode(samples_of(spec_of()), 90, bitspersample=12))
    with pytest.raises(DamagedError, match="process"):
        jpeg.BASELINE.decode(stream, spec_of())
    with pytest.raises(UnsupportedError, match="signed"):
        jpeg.EXTENDED.decode(stream, spec_of(signed=1))


def test_a_frame_of_gigabytes_is_over_budget_before_anything_is_read() -> None:
    with pytest.raises(BudgetError):
        jpeg.BASELINE.decode(b"", spec_of(65535, 65535, allocated=8, stored=8))


def test_a_header_of_65535_squared_costs_nothing() -> None:
    """FAULTS X05: 840 bytes that claim a gigantic image."""
    stream = bytearray(baseline("YCBCR"))
    at = stream.index(b"\xff\xc0") + 5
    stream[at:at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(DamagedError, match="65535"):
        jpeg.BASELINE.decode(bytes(stream), YBR)


@pytest.mark.parametrize("near", [0, 3])
@pytest.mark.parametrize("mode", [0, 1, 2], ids=["by component", "by line", "by sample"])
def test_jpeg_ls_of_every_interleave_mode_is_read_by_both(mode: int, near: int) -> None:
    from _CharLS import _encode
    array = samples_of(RGB)
    source = np.ascontiguousarray(array.transpose(2, 0, 1)) if mode == 0 else array
    stream = bytes(_encode(source.tobytes() + bytes(4096), near, mode, 33, 41, 3, 8))
    one, two = (jpeg_ls.NEAR_LOSSLESS.decode(stream, RGB, which) for which in ("first", "second"))
    assert np.array_equal(one, two)
    assert np.abs(one.astype(int) - array).max() <= near


@pytest.mark.parametrize("near", [0, 1, 3, 17, 100, 255])
def test_jpeg_ls_with_any_error_is_what_charls_writes_and_ours_read(near: int) -> None:
    from _CharLS import _encode
    looked = 0
    for corner in corners(23, start=near % 23):
        spec, bits = corner.spec, max(2, corner.spec.bits_stored)
        if bits > 16 or near > min(255, ((1 << bits) - 1) // 2):
            continue
        codes = samples_of(spec, corner.pattern).astype(np.uint8 if bits <= 8 else np.uint16)
        codes = np.ascontiguousarray(codes & ((1 << bits) - 1))
        stream = jpeg_ls_encode.encode_codes(codes, bits, near)
        mode = 0 if spec.samples_per_pixel == 1 else 2
        assert stream == bytes(_encode(codes.tobytes() + bytes(4 * codes.nbytes + 4096), near, mode,
                                       spec.rows, spec.columns, spec.samples_per_pixel, bits)), spec
        back, _ = jpeg_ls_decode.decode_codes(stream)
        assert np.abs(back.astype(int) - codes).max() <= near, spec
        plain = jpeg_ls_reference.decode(stream).transpose(1, 2, 0)
        assert np.array_equal(back.reshape(plain.shape), plain), spec
        looked += 1
    assert looked > 3


def test_jpeg_ls_presets_are_used() -> None:
    """The kind of WG04 MR1_JLSL, which the CharLS of pyjpegls 1.5 refuses: the presets of 16 bits
    with a reset that is not the default one."""
    from _CharLS import _encode
    array = samples_of(spec_of(20, 30, stored=16))
    plain = bytes(_encode(array.tobytes() + bytes(4096), 0, 0, 20, 30, 1, 16))
    at = plain.index(b"\xff\xda")
    body = b"".join(value.to_bytes(2, "big") for value in (65535, 18, 67, 276, 64))
    preset = plain[:at] + _segment(0xF8, b"\x01" + body) + plain[at:]
    spec = spec_of(20, 30, stored=16)
    assert np.array_equal(jpeg_ls.LOSSLESS.decode(preset, spec, "second"), array)
    assert np.array_equal(jpeg_ls.LOSSLESS.decode(preset, spec), array)


@pytest.mark.parametrize("bits", [8, 16])
def test_jpeg_ls_runs_of_any_length_are_read(bits: int) -> None:
    """Runs of 0 to thousands of samples, over the ends of parts and lines, some of a whole line."""
    from imagecodecs import jpegls_decode
    chance = np.random.default_rng(bits)
    lengths = np.concatenate([chance.integers(1, 12, 900), 2 ** chance.integers(0, 13, 60)])
    values = chance.integers(0, 1 << bits, len(lengths))
    samples = np.repeat(values, chance.permutation(lengths))
    for columns in (1, 7, 1023, 1024, 1025, 3000):
        codes = samples[:len(samples) // columns * columns].reshape(-1, columns)
        codes = np.ascontiguousarray(np.repeat(codes, 3, axis=0)[:300], f"u{bits // 8}")
        stream = jpeg_ls_encode.encode_codes(codes, bits)
        assert np.array_equal(jpegls_decode(stream), codes)
        assert np.array_equal(jpeg_ls_decode.decode_codes(stream)[0], codes)


@pytest.mark.parametrize("near", [0, 2])
@pytest.mark.parametrize("components", [1, 3])
def test_jpeg_ls_with_any_thresholds_is_read(monkeypatch: pytest.MonkeyPatch, near: int,
                                             components: int) -> None:
    from imagecodecs import jpegls_decode
    chance = np.random.default_rng(near)
    for number in range(20):
        codes = chance.integers(0, 2 << number % 8, (9, 21, components)).astype(np.uint8)
        codes = codes if components > 1 else codes[..., 0]
        chosen = [int(value) for value in np.sort(chance.integers(near + 1, 256, 3))]
        monkeypatch.setattr(jpeg_ls_encode, "default_thresholds",
                            lambda maxval, near, said=tuple(chosen): said)
        plain = jpeg_ls_encode.encode_codes(codes, 8, near)
        at = plain.index(b"\xff\xda")
        body = b"".join(value.to_bytes(2, "big") for value in (255, *chosen, 64))
        stream = plain[:at] + _segment(0xF8, b"\x01" + body) + plain[at:]
        got, _ = jpeg_ls_decode.decode_codes(stream)
        assert np.abs(got.astype(int) - codes).max() <= near
        assert np.array_equal(got, jpegls_decode(stream)), chosen
        assert np.array_equal(
            got.reshape(9, 21, -1), jpeg_ls_reference.decode(stream).transpose(1, 2, 0)), chosen


@pytest.mark.parametrize(("maxval", "near", "thresholds"), [
    (255, 0, (3, 7, 21)), (65535, 0, (18, 67, 276)), (255, 2, (9, 17, 35)), (15, 0, (2, 3, 4)),
    (1, 0, (1, 1, 1)), (255, 3, (4, 4, 255)), (31, 0, (31, 31, 31))])
def test_differences_are_quantized_by_the_thresholds(maxval: int, near: int,
                                                     thresholds: tuple[int, int, int]) -> None:
    table = jpeg_ls_quantizer.quantizer(maxval, near, *thresholds).reshape(3, -1)
    differences = np.arange(-maxval, maxval + 1)
    amounts = sum((np.abs(differences) >= low).astype(int) for low in (near + 1, *thresholds))
    levels = np.sign(differences) * amounts
    for row, expected in zip(table, (4 + levels, 4 - levels, amounts), strict=True):
        assert np.array_equal(row, jpeg_ls_quantizer.STRIDE * expected)


def test_default_thresholds_are_those_of_the_standard() -> None:
    assert jpeg_ls_stream.default_thresholds(255, 0) == (3, 7, 21)
    assert jpeg_ls_stream.default_thresholds(4095, 0) == (18, 67, 276)
    assert jpeg_ls_stream.default_thresholds(65535, 0) == (18, 67, 276)
    assert jpeg_ls_stream.default_thresholds(15, 0) == (2, 3, 4)


def test_near_lossless_frames_in_the_lossless_syntax_are_refused() -> None:
    from _CharLS import _encode
    stream = bytes(_encode(samples_of(spec_of()).tobytes() + bytes(4096), 2, 0, 17, 33, 1, 12))
    with pytest.raises(DamagedError, match="near-lossless"):
        jpeg_ls.LOSSLESS.decode(stream, spec_of())


def test_samples_with_bits_above_the_stored_ones_are_refused() -> None:
    spec = spec_of(stored=12)
    array = samples_of(spec).astype(np.uint16)
    array[0, 0] |= 0x1000
    with pytest.raises(UnsupportedError, match="above Bits Stored"):
        to_codes(array, spec)


@pytest.mark.parametrize(("codes", "precision", "values"), [
    ([0x0FFF, 0x0800, 0x07FF], 12, [-1, -2048, 2047]),
    ([0xFFFF, 0xF800, 0x07FF], 16, [-1, -2048, 2047]),
    ([0x0FFF, 0x0800, 0x07FF], 16, [-1, -2048, 2047]),
], ids=["stored bits", "whole cells", "whole cells without sign"])
def test_signed_codes_come_back_whichever_way_they_were_cut(codes: list[int], precision: int,
                                                            values: list[int]) -> None:
    spec = spec_of(1, 3, stored=12, signed=1)
    assert from_codes(np.array([codes], np.uint16), spec, precision).tolist() == [values]


def test_codes_that_need_more_bits_than_are_stored_are_damaged() -> None:
    with pytest.raises(DamagedError, match="more than 12 bits"):
        from_codes(np.array([[0x1FFF]], np.uint16), spec_of(1, 1, stored=12), 16)
    with pytest.raises(DamagedError, match="more than 12 bits"):
        from_codes(np.array([[0x1FFF]], np.uint16), spec_of(1, 1, stored=12, signed=1), 16)


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (64, 65), (100, 3), (3, 100)])
@pytest.mark.parametrize("quality", [10, 90, 100])
def test_our_jpeg_and_libjpeg_agree_to_the_rounding(size: tuple[int, int], subsampling: str,
                                                    quality: int) -> None:
    array = samples_of(spec_of(*size, samples=3, allocated=8, stored=8, photometric="RGB"))
    stream = imagecodecs.jpeg8_encode(array, quality, colorspace="RGB", outcolorspace="YCBCR",
                                      subsampling=subsampling)
    spec = spec_of(*size, samples=3, allocated=8, stored=8, photometric="YBR_FULL")
    one, two = (jpeg.BASELINE.decode(bytes(stream), spec, which) for which in ("first", "second"))
    assert np.abs(one.astype(int) - two.astype(int)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (64, 65)])
def test_our_jpeg_and_libjpeg_agree_in_12_bits(size: tuple[int, int]) -> None:
    spec = spec_of(*size)
    stream = bytes(imagecodecs.jpeg8_encode(samples_of(spec), 95, bitspersample=12))
    one, two = (jpeg.EXTENDED.decode(stream, spec, which) for which in ("first", "second"))
    assert np.abs(one.astype(int) - two.astype(int)).max() <= 1


def test_damaged_entropy_coded_bytes_are_noticed_where_libjpeg_only_warns() -> None:
    """A changed magnitude cannot be seen; a code that shifts all others can."""
    spec = spec_of(64, 64, allocated=8, stored=8)
    stream = bytes(imagecodecs.jpeg8_encode(samples_of(spec), 90))
    noticed = {"first": 0, "second": 0}
    for at in range(stream.index(b"\xff\xda") + 12, len(stream) - 4, 40):
        broken = bytearray(stream)
        broken[at] = (broken[at] ^ 0x10) & 0xFE
        for which in ("first", "second"):
            try:
                jpeg.BASELINE.decode(bytes(broken), spec, which)  # type: ignore[arg-type]
            except DamagedError:
                noticed[which] += 1
    assert noticed["first"] == 0 and noticed["second"] >= 5


def test_progressive_jpeg_has_no_second_decoder() -> None:
    assert jpeg.PROGRESSIVE.second is None
    with pytest.raises(DamagedError):
        jpeg_reference.decode(b"\xff\xd8\xff\xd9")
