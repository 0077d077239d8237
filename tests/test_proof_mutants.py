"""Encoders and writers that lie, each in another way: every lie is found out (FAULTS X01, X02)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediasvc.codecs.codec import Array, Codec, Decoder
from mediasvc.codecs.search import Goal
from mediasvc.codecs.table import codec
from mediasvc.dicom.pieces import Insert, assemble
from mediasvc.dicom.pixel_writer import PixelWriter
from mediasvc.errors import DamagedError, ProofError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.span import Span
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.transcode import transcode_instance
from mediasvc.work.transcoding import target_frames, transcode_file
from mediasvc.work.transcoding.jury import EVERY, FIRST, Jury
from mediasvc.work.transcoding.proof import prove
from mediasvc.work.transcoding.transcode_row import Options, Transcoded
from mediasvc.work.transcoding.witness import Witness, decoded_sha256
from samples.synthesis import instance, to_bytes

FULL, NORMAL = Options(verify="full"), Options()
Encode = Callable[[Array, FrameSpec, float | None], bytes]


def cine(frames: int = 30) -> memoryview:
    return memoryview(to_bytes(instance(modality="CINE", rows=16, columns=20, frames=frames)))


def ct() -> memoryview:
    return memoryview(to_bytes(instance(rows=64, columns=64)))


def use(monkeypatch: pytest.MonkeyPatch, uid: str, **changes: Any) -> Codec:
    """The codec of that syntax with another encoder or decoder."""
    liar = replace(codec(uid), **changes)
    monkeypatch.setattr(
        target_frames, "codec", lambda asked: liar if asked == uid else codec(asked))
    return liar


def encoder(uid: str, lie: Callable[[Encode, int], Encode]) -> dict[str, Any]:
    """The lossless encoder of that syntax behind ``lie(real, number of the frame)``."""
    real = codec(uid).lossless
    assert real is not None
    numbers = iter(range(10_000))

    def encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
        assert real is not None
        return lie(real.encode, next(numbers))(array, spec, dial)

    return {"lossless": replace(real, encode=encode)}


def transcoded(data: memoryview, target: str, options: Options = NORMAL) -> Transcoded:
    done = transcode_instance(data, target, options)
    prove(data, memoryview(b"".join(assemble(data, done.pieces))), done)
    return done


@pytest.mark.parametrize("target", ["rle", "jpll", "jls", "htj2k", "deflated-frame"])
@pytest.mark.parametrize("late", [0, FIRST + 1, 29])
def test_one_changed_sample_in_any_frame(monkeypatch: pytest.MonkeyPatch, target: str,
                                         late: int) -> None:
    uid = ts.transfer_syntax(target).uid

    def lie(real: Encode, number: int) -> Encode:
        def off_by_one(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
            wrong = array.copy()
            wrong.flat[-1] ^= 1  # type: ignore[index]
            return real(wrong, spec, dial)
        return off_by_one if number == late else real

    use(monkeypatch, uid, **encoder(uid, lie))
    with pytest.raises(ProofError, match="does not read what"):
        transcoded(cine(), target)


def test_an_empty_image_with_an_admirable_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, ts.JPEG_LS, **encoder(ts.JPEG_LS, lambda real, _: (
        lambda array, spec, dial: real(np.zeros_like(array), spec, dial))))
    with pytest.raises(ProofError):
        transcoded(ct(), "jls")


def test_frames_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []

    def lie(real: Encode, number: int) -> Encode:
        def late(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
            kept.append(real(array, spec, dial))
            return kept[max(0, number - 1)]
        return late

    use(monkeypatch, ts.RLE, **encoder(ts.RLE, lie))
    with pytest.raises(ProofError):
        transcoded(cine(), "rle")


def test_a_header_of_another_size_is_refused_before_anything_is_decoded(
        monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, ts.JPEG_LS, **encoder(ts.JPEG_LS, lambda real, _: (
        lambda array, spec, dial: real(array[:-1], replace(spec, rows=spec.rows - 1), dial))))
    with pytest.raises(DamagedError):
        transcoded(ct(), "jls")


def test_a_near_lossless_stream_is_no_lossless_one(monkeypatch: pytest.MonkeyPatch) -> None:
    near = codec(ts.JPEG_LS_NEAR).lossy
    assert near is not None
    use(monkeypatch, ts.JPEG_LS, **encoder(ts.JPEG_LS, lambda real, _: (
        lambda array, spec, dial: near.encode(array, spec, 1))))
    with pytest.raises(DamagedError, match="near-lossless"):
        transcoded(ct(), "jls")


def mirrored(monkeypatch: pytest.MonkeyPatch, uid: str) -> None:
    """Encoder and decoder of one code base turn the image round: to itself all is well."""
    real = codec(uid)
    assert real.lossless is not None

    def turned(frame: Any, spec: FrameSpec) -> Array:
        return np.ascontiguousarray(real.first.decode(frame, spec)[::-1])

    first = Decoder(real.lossless.code_base, turned)
    lossless = replace(real.lossless, encode=lambda array, spec, dial: real.lossless.encode(
        np.ascontiguousarray(array[::-1]), spec, dial))  # type: ignore[union-attr]
    second = Decoder("somebody else", real.first.decode)
    use(monkeypatch, uid, first=first, second=second, lossless=lossless)


@pytest.mark.parametrize("options", [NORMAL, FULL], ids=["normal", "full"])
def test_one_mistake_on_both_sides_of_a_code_base(monkeypatch: pytest.MonkeyPatch,
                                                  options: Options) -> None:
    mirrored(monkeypatch, ts.RLE)
    with pytest.raises(ProofError, match="somebody else"):
        transcoded(ct(), "rle", options)


def test_a_lossy_frame_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    real = codec(ts.JPEG_LS_NEAR).lossy
    assert real is not None
    use(monkeypatch, ts.JPEG_LS_NEAR, lossy=replace(
        real, encode=lambda array, spec, dial: real.encode(array, spec, 9)))
    with pytest.raises(ProofError, match="9, 3 was allowed"):
        transcoded(ct(), "jls-near", Options(Goal(max_error=3)))


@pytest.mark.parametrize("lie", [
    lambda data: b"", lambda data: data[:-2], lambda data: data[:-4] + b"\1\2\3\4",
    lambda data: data + b"\0\0"], ids=["empty", "cut", "spoilt", "longer"])
@pytest.mark.parametrize("target", ["rle", "implicit"])
def test_a_writer_that_spoils_a_frame_after_it_was_proven(
        monkeypatch: pytest.MonkeyPatch, target: str, lie: Callable[[bytes], bytes]) -> None:
    data = cine()
    encoded = b"".join(assemble(data, transcode_instance(data, "jls").pieces))
    real, numbers = PixelWriter.add, iter(range(100))
    monkeypatch.setattr(PixelWriter, "add", lambda self, data: real(
        self, lie(data) if next(numbers) == 7 else data))
    with pytest.raises((ProofError, DamagedError)):
        transcoded(data if target == "rle" else memoryview(encoded), target)


@pytest.mark.parametrize("target", ["rle", "explicit", "implicit"])
def test_mapped_files_are_proven_and_refused_in_the_same_words(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: str) -> None:
    monkeypatch.setattr("mediasvc.span.READ_LIMIT", 1000)
    data = cine()
    if target == "explicit":
        data = memoryview(b"".join(assemble(data, transcode_instance(data, "rle").pieces)))
    (tmp_path / "in").write_bytes(data)
    span = Span.of_file(tmp_path / "in").as_json()
    good = transcode_file.transcode_file(span, str(tmp_path / "out"), target, NORMAL.as_json())
    assert good["frames"] == (0 if target == "implicit" else 30)
    monkeypatch.setattr(transcode_file, "assemble", lambda view, pieces: (
        bytes(part)[:-9] + bytes(9) for part in assemble(view, pieces)))
    with pytest.raises((ProofError, DamagedError)):
        transcode_file.transcode_file(span, str(tmp_path / "bad"), target, NORMAL.as_json())


@pytest.mark.parametrize("lie", ["ratio", "flag", "source", "uid"])
def test_labels_that_say_something_else_than_was_measured(monkeypatch: pytest.MonkeyPatch,
                                                          lie: str) -> None:
    data = ct()
    done = transcode_instance(data, "jls-near")
    out = b"".join(assemble(data, done.pieces))
    row = done.row
    said = f"{row.native_bytes / row.encoded_bytes:.4g}".encode()
    spoilt = {"ratio": out.replace(said, said[:-1] + b"1"),
              "flag": out.replace(b"\x28\0\x10\x21CS\2\x0001", b"\x28\0\x10\x21CS\2\x0000"),
              "source": out.replace(row.source_uid.encode(), row.source_uid[:-1].encode() + b"7"),
              "uid": out.replace(row.sop_instance_uid.encode(),
                                 row.sop_instance_uid[:-1].encode() + b"7")}[lie]
    assert spoilt != out
    with pytest.raises(ProofError):
        prove(data, memoryview(spoilt), done)


def test_a_decoder_that_agrees_only_with_itself_stops_full_verification(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The 31st frame of a compressed original, which normal verification does not show to two."""
    out = b"".join(assemble(data := cine(32), transcode_instance(data, "jls").pieces))
    real = codec(ts.JPEG_LS)
    assert real.second is not None
    numbers = iter(range(100))

    def wrong(frame: Any, spec: FrameSpec) -> Array:
        assert real.second is not None
        array = real.second.decode(frame, spec).copy()
        if next(numbers) == 31:
            array.flat[0] ^= 1  # type: ignore[index]
        return array

    liar = replace(real, second=Decoder("somebody else", wrong))
    monkeypatch.setattr("mediasvc.work.transcoding.source_frames.codec", lambda _: liar)
    with pytest.raises(ProofError, match="different images"):
        transcoded(memoryview(out), "rle", FULL)


class TestTheJury:
    def test_sees_the_first_of_each_kind_and_a_tenth_of_the_rest(self) -> None:
        jury = Jury()
        calls = [jury.calls(("CT", "explicit")) for _ in range(100)]
        assert all(calls[:FIRST]) and sum(calls[FIRST:]) == (100 - 1) // EVERY
        assert jury.calls(("MR", "explicit"))

    def test_a_code_base_of_its_own_is_named_by_what_it_saw(self) -> None:
        done = transcoded(cine(30), "htj2k")
        assert done.row.verified == "foreign decoder" and done.row.foreign_frames == 30
        assert done.row.decoded_by == {"OpenJPEG": 30}

    def test_full_shows_every_new_frame_to_another_code_base_and_its_own_to_ours(self) -> None:
        full = transcoded(cine(30), "jls", FULL).row
        assert full.verified == "foreign decoder" and full.foreign_frames == 30
        ours = sum(map(Jury().calls, [("the same",)] * 30))
        assert full.decoded_by == {"CharLS": 30, "mediasvc": ours} and FIRST < ours < 30
        assert full.source_decoded_by == {}
        normal = transcoded(cine(30), "jls").row
        assert normal.verified == "sampled" and normal.foreign_frames == ours
        assert normal.decoded_by == {"CharLS": ours, "mediasvc": 30}

    def test_full_has_every_frame_of_a_compressed_original_decoded_by_two(self) -> None:
        packed = b"".join(assemble(data := cine(30), transcode_instance(data, "jls").pieces))
        row = transcoded(memoryview(packed), "jpll", FULL).row
        assert row.source_decoded_by == {"mediasvc": 30, "CharLS": 30}
        assert row.decoded_by["libjpeg-turbo"] == 30

    def test_a_frame_that_the_other_code_base_does_not_know_is_decoded_by_ours(
            self, monkeypatch: pytest.MonkeyPatch) -> None:
        def takes_none(frame: Any, spec: FrameSpec) -> Array:
            raise UnsupportedError("not these pixels")

        use(monkeypatch, ts.JPEG_LS, second=Decoder("CharLS", takes_none))
        done = transcode_instance(cine(30), "jls", FULL)
        assert done.row.decoded_by == {"mediasvc": 30} and done.row.verified == "one decoder"
        assert done.result_witness

    def test_what_only_our_decoder_sees_wrongly_is_found_in_full_on_its_sample(
            self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = codec(ts.JPEG_LS)

        def wrong(frame: Any, spec: FrameSpec) -> Array:
            array = real.first.decode(frame, spec).copy()
            array.flat[0] ^= 1  # type: ignore[index]
            return array

        use(monkeypatch, ts.JPEG_LS, first=Decoder("mediasvc", wrong))
        with pytest.raises(ProofError, match="mediasvc does not read"):
            transcoded(cine(30), "jls", FULL)

    def test_it_goes_on_counting_in_the_next_instance(self) -> None:
        jury = Jury()
        target = "jpll"
        seen = [transcode_instance(ct(), target, jury=jury).row for _ in range(FIRST + 2)]
        assert seen[0].foreign_frames == 1
        alone = codec(ts.JPEG_LOSSLESS_SV1)
        assert alone.lossless is not None
        if alone.first.code_base == alone.lossless.code_base:
            assert seen[-1].foreign_frames == 0 and seen[-1].verified == "one decoder"


def _deadly(span: dict[str, Any]) -> str:
    if span["path"].endswith("bad"):
        os.kill(os.getpid(), signal.SIGKILL)
    return "a"


class TestTheWitness:
    @pytest.mark.parametrize(("target", "bits"), [("j2k", 12), ("jxl", 16), ("jxl-lossy", 12)])
    def test_a_lone_code_base_is_asked_in_another_process(self, tmp_path: Path, target: str,
                                                          bits: int) -> None:
        data = to_bytes(instance(modality="CR", rows=64, columns=64, BitsStored=bits,
                                 HighBit=bits - 1))
        (tmp_path / "in").write_bytes(data)
        row = transcode_file.transcode_file(
            Span.of_file(tmp_path / "in").as_json(), str(tmp_path / "out"), target,
            NORMAL.as_json())
        assert row["proof"] == "other process" and row["verified"]
        assert row["pixels_sha256"] == decoded_sha256(Span.of_file(tmp_path / "out").as_json())

    def test_it_stops_what_it_does_not_see(self, tmp_path: Path) -> None:
        (tmp_path / "in").write_bytes(ct())
        witness = Witness()
        span = Span.of_file(tmp_path / "in")
        right = decoded_sha256(span.as_json())
        assert witness.sees([(span, right), (span, "0" * 64), (span, right)]) == [True, False, True]
        rows = [{"seconds": 1.0, "asked": [(span, right)]}, {"error": "DamagedError", "text": ""},
                {"seconds": 1.0, "asked": [(span, right), (span, "0" * 64)]}]
        one, two, three = transcode_file.witnessed(rows, witness)
        assert one["seconds"] > 1 and "asked" not in one and two["error"] == "DamagedError"
        assert three["error"] == "ProofError" and "another process" in three["text"]
        witness.close()

    def test_a_file_that_kills_it_costs_no_other_file(
            self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "in").write_bytes(ct())
        monkeypatch.setattr("mediasvc.work.transcoding.witness.decoded_sha256", _deadly)
        witness = Witness(early=True)  # its loader is a fork of this process, with what is patched
        good, bad = Span.of_file(tmp_path / "in"), Span(str(tmp_path / "bad"), 0, 1)
        assert witness.sees([(good, "a"), (bad, "a"), (good, "a")]) == [True, False, True]
        witness.close()

    def test_full_verification_asks_it_about_an_original_too(self, tmp_path: Path) -> None:
        out = b"".join(assemble(data := ct(), transcode_instance(data, "j2k").pieces))
        done = transcode_instance(memoryview(out), "jpll", FULL)
        assert done.source_witness and not done.result_witness
        assert not transcode_instance(memoryview(out), "jpll").source_witness
        (tmp_path / "in").write_bytes(out)
        row = transcode_file.transcode_file(
            Span.of_file(tmp_path / "in").as_json(), str(tmp_path / "out"), "explicit",
            FULL.as_json())
        assert row["proof"] == "other process"

    def test_frames_that_no_other_code_base_takes_go_to_it(
            self, monkeypatch: pytest.MonkeyPatch) -> None:
        def takes_none(frame: Any, spec: FrameSpec) -> Array:
            raise UnsupportedError("not these pixels")

        second = Decoder("somebody else", takes_none)
        use(monkeypatch, ts.RLE, first=replace(codec(ts.RLE).first, code_base="mediasvc"),
            second=second, lossless=replace(codec(ts.RLE).lossless, code_base="mediasvc"))
        done = transcode_instance(ct(), "rle", FULL)
        assert done.result_witness and done.row.foreign_frames == 0
        assert not transcode_instance(ct(), "rle").result_witness


def test_pixels_beyond_memory_lie_in_a_file(monkeypatch: pytest.MonkeyPatch,
                                            tmp_path: Path) -> None:
    monkeypatch.setattr("mediasvc.dicom.pixel_writer.MEMORY", 1000)
    data = cine()
    done = transcode_instance(data, "rle", scratch=tmp_path)
    assert not list(tmp_path.iterdir())
    pieces = [piece for piece in done.pieces if isinstance(piece, Insert)]
    assert any(not isinstance(piece.data, bytes) for piece in pieces)
    prove(data, memoryview(b"".join(assemble(data, done.pieces))), done)
