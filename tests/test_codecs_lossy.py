"""Lossy encoders: bounds, goals, refusals, and labels of what is really stored."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mediasvc.codecs import htj2k, jpeg, jpeg2000, jpeg_ls, jpeg_xl
from mediasvc.codecs.codec import Codec, Control, Encoder
from mediasvc.codecs.jpeg_xl_stream import read_jxl_header
from mediasvc.codecs.quality import distance, psnr, ssim
from mediasvc.codecs.search import Goal, Trial, encode_to
from mediasvc.errors import SettingsError, UnsupportedError
from mediasvc.model import FrameSpec
from tests.codec_contract import accepted, samples_of, spec_of

LOSSY = [jpeg.BASELINE, jpeg.EXTENDED, jpeg_ls.NEAR_LOSSLESS, jpeg2000.LOSSY, htj2k.LOSSY,
         jpeg_xl.LOSSY]
by_name = pytest.mark.parametrize("codec", LOSSY, ids=lambda codec: codec.name)


def lossy(codec: Codec) -> tuple[Encoder, Control]:
    assert codec.lossy is not None and codec.lossy.control is not None
    return codec.lossy, codec.lossy.control


def grey_of(codec: Codec) -> tuple[Encoder, Control, FrameSpec]:
    encoder, control = lossy(codec)
    specs = [spec for spec in accepted(encoder)
             if spec.samples_per_pixel == 1 and not spec.pixel_representation]
    spec = min(specs, key=lambda spec: abs(spec.bits_stored - 12))
    return encoder, control, replace(spec, rows=96, columns=90)


@by_name
def test_every_kind_of_pixels_that_is_taken_stays_near_its_original(codec: Codec) -> None:
    encoder, control = lossy(codec)
    for spec in accepted(encoder):
        spec = replace(spec, rows=48, columns=41)
        if spec.samples_per_pixel == 3 or spec.bits_stored < 8:
            continue
        array = samples_of(spec) // 2
        stored = encoder.stored(spec)
        back = codec.decode(encoder.encode(array, spec, control.best), stored)
        peak = (1 << spec.bits_stored) - 1
        apart = distance(array, back.astype(array.dtype), peak)
        assert psnr(apart.squares, apart.samples, peak) > 38, spec


@by_name
def test_two_code_bases_see_the_same_lossy_image(codec: Codec) -> None:
    if codec.second is None:
        pytest.skip("one code base")
    encoder, control = lossy(codec)
    for spec in accepted(encoder):
        if spec.bits_stored < 6:
            continue
        spec = replace(spec, rows=48, columns=41)
        array = samples_of(spec, seed=3) // 2
        data, stored = encoder.encode(array, spec, control.default), encoder.stored(spec)
        one, two = codec.decode(data, stored), codec.decode(data, stored, "second")
        assert np.abs(one.astype(int) - two.astype(int)).max() <= 1, spec


@by_name
def test_palettes_are_never_compressed_with_loss(codec: Codec) -> None:
    spec = spec_of(allocated=8, stored=8, photometric="PALETTE COLOR")
    assert "PALETTE" in lossy(codec)[0].refusal(spec) or "bits" in lossy(codec)[0].refusal(spec)


@pytest.mark.parametrize(("codec", "label", "back"), [
    (jpeg.BASELINE, "YBR_FULL_422", "YBR_FULL"), (jpeg_ls.NEAR_LOSSLESS, "RGB", "RGB"),
    (jpeg2000.LOSSY, "YBR_ICT", "RGB"), (htj2k.LOSSY, "YBR_ICT", "RGB"),
    (jpeg_xl.LOSSY, "XYB", "RGB"),
], ids=lambda value: getattr(value, "name", value))
def test_lossy_colour_is_labelled_as_what_the_stream_holds(codec: Codec, label: str,
                                                           back: str) -> None:
    encoder, control = lossy(codec)
    spec = spec_of(64, 64, samples=3, allocated=8, stored=8, photometric="RGB")
    stored = encoder.stored(spec)
    data = encoder.encode(samples_of(spec), spec, control.default)
    assert stored.photometric_interpretation == label
    assert codec.decoded(stored).photometric_interpretation == back
    assert codec.decode(data, stored).shape == (64, 64, 3)
    if codec is jpeg_xl.LOSSY:
        assert read_jxl_header(data).xyb


def test_near_lossless_keeps_its_bound_to_the_sample() -> None:
    encoder, _ = lossy(jpeg_ls.NEAR_LOSSLESS)
    for near in (1, 2, 7, 100):
        for spec in accepted(encoder):
            if near > (1 << spec.bits_stored) // 2 - 1:
                continue
            array = samples_of(spec, "noise") // 2
            if spec.pixel_representation and near * 4 > 1 << spec.bits_stored:
                continue
            data = encoder.encode(array, spec, near)
            back = jpeg_ls.NEAR_LOSSLESS.decode(data, spec)
            assert np.abs(back.astype(int) - array.astype(int)).max() <= near, spec


def test_near_lossless_refuses_signed_samples_that_could_turn_their_sign() -> None:
    spec = spec_of(stored=12, signed=1)
    with pytest.raises(UnsupportedError, match="signed samples within 3"):
        lossy(jpeg_ls.NEAR_LOSSLESS)[0].encode(samples_of(spec, "extremes"), spec, 3)


def test_a_12_bit_jpeg_says_12_bits_because_it_may_overshoot() -> None:
    spec = spec_of(64, 64, stored=10)
    stored = lossy(jpeg.EXTENDED)[0].stored(spec)
    assert (stored.bits_stored, stored.high_bit) == (12, 11)
    data = lossy(jpeg.EXTENDED)[0].encode(samples_of(spec, "extremes"), spec, 50)
    assert jpeg.EXTENDED.decode(data, stored).max() > 1023


def test_jpeg_takes_no_signed_samples_and_baseline_only_8_bits() -> None:
    assert lossy(jpeg.BASELINE)[0].refusal(spec_of(allocated=8, stored=8,
                                                   signed=1)) == "signed samples"
    assert lossy(jpeg.BASELINE)[0].refusal(spec_of(stored=8)) == "16 bits allocated"
    assert lossy(jpeg.EXTENDED)[0].refusal(spec_of(stored=16)) == "16 bits stored"


@by_name
@pytest.mark.parametrize("ratio", [4, 9])
def test_a_wished_ratio_is_reached_but_not_by_far(codec: Codec, ratio: float) -> None:
    encoder, control, spec = grey_of(codec)
    spec = replace(spec, rows=256, columns=256)
    array = samples_of(spec)

    def attempt(dial: float) -> Trial:
        data = encoder.encode(array, spec, dial)
        return Trial(data, array.nbytes / len(data), lambda: 0)

    data = encode_to(Goal(ratio=ratio), control, attempt)
    finest = attempt(control.best).ratio
    reached = array.nbytes / len(data)
    assert ratio <= reached
    assert reached < max(finest, ratio) * 1.6 or control.whole  # NEAR turns in coarse steps


@by_name
def test_a_wished_maximum_error_is_kept(codec: Codec) -> None:
    encoder, control, spec = grey_of(codec)
    array = samples_of(spec)
    limit = 40

    def attempt(dial: float) -> Trial:
        data = encoder.encode(array, spec, dial)
        back = codec.decode(data, encoder.stored(spec))
        error = int(np.abs(back.astype(int) - array.astype(int)).max())
        return Trial(data, array.nbytes / len(data), lambda: error)

    data = encode_to(Goal(max_error=limit), control, attempt)
    back = codec.decode(data, encoder.stored(spec))
    assert np.abs(back.astype(int) - array.astype(int)).max() <= limit


def test_a_goal_out_of_reach_is_refused_by_name() -> None:
    dial = Control(0, 10, 5, whole=True)

    def attempt(value: float) -> Trial:
        return Trial(b"x", 10 - value, lambda: int(20 - value))

    assert encode_to(Goal(ratio=4), dial, attempt) == b"x"
    with pytest.raises(UnsupportedError, match="ratio of 11 cannot"):
        encode_to(Goal(ratio=11), dial, attempt)
    with pytest.raises(UnsupportedError, match="maximum error of 3 cannot"):
        encode_to(Goal(max_error=3), dial, attempt)


def test_the_search_finds_the_finest_position_that_reaches_the_ratio() -> None:
    seen: list[float] = []

    def attempt(value: float) -> Trial:
        seen.append(value)
        return Trial(str(value).encode(), 100 - value, lambda: int(100 - value))

    assert encode_to(Goal(ratio=37), Control(1, 100, 5, whole=True), attempt) == b"63"
    assert len(seen) <= 11
    assert encode_to(Goal(max_error=20), Control(1, 100, 5, whole=True), attempt) == b"80"


@pytest.mark.parametrize(("goal", "codec", "words"), [
    (Goal(ratio=5, quality=3), jpeg.BASELINE, "exclude each other"),
    (Goal(quality=90), jpeg_ls.NEAR_LOSSLESS, "knows no quality"),
    (Goal(ratio=-1), jpeg.BASELINE, "must be positive"),
])
def test_impossible_wishes_are_usage_errors(goal: Goal, codec: Codec, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        goal.check(lossy(codec)[1], codec.name)


def test_a_wish_for_a_lossless_codec_is_a_usage_error() -> None:
    with pytest.raises(SettingsError, match="lossless"):
        Goal(ratio=5).check(None, "jls")


def test_ssim_and_psnr_of_known_images() -> None:
    y, x = np.mgrid[0:40, 0:30]
    one = (y * 5 % 256).astype(np.uint8)
    assert ssim(one, one, 255) == pytest.approx(1)
    apart = distance(one, (one // 16 * 16).astype(np.uint8), 255)
    assert apart.max_error == 15
    assert psnr(apart.squares, apart.samples, 255) == pytest.approx(
        10 * math.log10(255 ** 2 / np.mean((one.astype(float) % 16) ** 2)))
    assert psnr(0, 1, 255) == math.inf
    # computed once with scikit-image 0.26: structural_similarity(a, b, data_range=255)
    a = ((x * 7 + y * 3) % 200).astype(np.uint8)
    b = ((x * 7 + y * 3 + (x * y) % 9) % 200).astype(np.uint8)
    assert ssim(a, b, 255) == pytest.approx(_plain_ssim(a, b), abs=1e-9)


def _plain_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """The definition, window by window."""
    c1, c2, values = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for y in range(a.shape[0] - 6):
        for x in range(a.shape[1] - 6):
            p, q = a[y:y + 7, x:x + 7].astype(float).ravel(), b[y:y + 7,
                                                                x:x + 7].astype(float).ravel()
            cov = np.cov(p, q)
            values.append((2 * p.mean() * q.mean() + c1) * (2 * cov[0, 1] + c2)
                          / ((p.mean() ** 2 + q.mean() ** 2 + c1) * (cov[0, 0] + cov[1, 1] + c2)))
    return float(np.mean(values))


def test_ssim_of_tiny_and_of_colour_images_is_defined() -> None:
    tiny = np.array([[1, 2]], np.uint8)
    assert distance(tiny, tiny, 255).ssim == pytest.approx(1)
    colour = samples_of(spec_of(samples=3, allocated=8, stored=8, photometric="RGB"))
    assert distance(colour, colour, 255).ssim == pytest.approx(1)
