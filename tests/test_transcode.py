"""One instance into another transfer syntax: pixels proven, everything else as it was."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from mediasvc.codecs import jpeg_lossless
from mediasvc.codecs.codec import Decoder
from mediasvc.dicom.frames import frames
from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.pieces import assemble
from mediasvc.errors import DamagedError, ProofError, SettingsError, UnsupportedError
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.transcode import transcode_instance
from mediasvc.work.transcoding.proof import prove
from mediasvc.work.transcoding.transcode_row import Options, Transcoded
from samples.synthesis import instance, to_bytes
from tests.encapsulated_things import encapsulated

LOSSLESS = ["explicit", "implicit", "deflated", "rle", "jpll", "jls", "j2k", "htj2k", "htj2k-rpcl",
            "deflated-frame", "encapsulated"]
#: pydicom decodes these with the libraries that are always here.
OUTSIDE = {"explicit", "implicit", "deflated", "rle", "jls", "j2k", "htj2k", "htj2k-rpcl"}


def transcode(data: bytes, target: str, options: Options = Options()) -> tuple[bytes, Transcoded]:  # noqa: B008
    """The new file, after the proof that the command makes of it."""
    view = memoryview(data)
    done = transcode_instance(view, target, options)
    out = b"".join(assemble(view, done.pieces))
    prove(view, memoryview(out), done)
    return out, done


def colour(planar: int = 0, photometric: str = "RGB", **keywords: Any) -> FileDataset:
    ds = instance(modality="US", rows=9, columns=7, **keywords)
    ds.PhotometricInterpretation = photometric
    if planar:
        samples = np.frombuffer(ds.PixelData, np.uint8)[:9 * 7 * 3].reshape(9, 7, 3)
        ds.PixelData = samples.transpose(2, 0, 1).tobytes() + b"\0"
        ds.PlanarConfiguration = 1
    return ds


KINDS: dict[str, Any] = {
    "CT": lambda: instance(),
    "CT odd": lambda: instance(rows=5, columns=7),
    "MR": lambda: instance(modality="MR"),
    "PET signed": lambda: instance(modality="PT"),
    "CR": lambda: instance(modality="CR"),
    "US colour": lambda: colour(),
    "US by plane": lambda: colour(1),
    "US YBR": lambda: colour(0, "YBR_FULL"),
    "cine": lambda: instance(modality="CINE", rows=8, columns=10, frames=5),
}


def raw_elements(data: bytes) -> dict[int, bytes]:
    framing = read_framing(memoryview(data))
    starts = framing.elements["start"].tolist()
    return {tag: bytes(framing.body[a:b]) for tag, a, b in zip(
        framing.elements["tag"].tolist(), starts, [*starts, framing.end][1:], strict=True)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", LOSSLESS)
def test_pixels_are_the_same_to_another_reader(kind: str, target: str) -> None:
    ds = KINDS[kind]()
    out, done = transcode(to_bytes(ds), target)
    back = dcmread(io.BytesIO(out))
    assert back.file_meta.TransferSyntaxUID == ts.transfer_syntax(target).uid
    if target in OUTSIDE:
        assert np.array_equal(pixel_array(back, raw=True), pixel_array(ds, raw=True))
    assert done.row.verified != "none" or done.result_witness
    assert done.row.ratio is not None and done.row.ratio > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["rle", "jpll", "jls", "j2k", "htj2k-rpcl", "encapsulated"])
def test_there_and_back_gives_the_received_pixel_data(kind: str, target: str) -> None:
    data = to_bytes(KINDS[kind]())
    out, _ = transcode(data, target)
    back, done = transcode(out, "explicit")
    if kind != "US by plane":
        assert raw_elements(back)[0x7FE00010] == raw_elements(data)[0x7FE00010]
    assert {tag for tag, raw in raw_elements(back).items()
            if raw_elements(data)[tag] != raw} <= {0x00280006, 0x7FE00010}
    assert done.row.sop_instance_uid == dcmread(io.BytesIO(data)).SOPInstanceUID


@pytest.mark.parametrize("target", ["rle", "jpll", "jls", "j2k", "htj2k"])
def test_lossless_changes_nothing_but_pixels_and_what_the_syntax_forces(target: str) -> None:
    data = to_bytes(colour())
    out, _ = transcode(data, target)
    before, after = raw_elements(data), raw_elements(out)
    changed = {tag for tag in before | after if before.get(tag) != after.get(tag)}
    forced = {"rle": {0x00280006}, "j2k": {0x00280004}, "htj2k": {0x00280004}}.get(target, set())
    assert changed == {0x7FE00010} | forced
    assert dcmread(io.BytesIO(out)).SOPInstanceUID == dcmread(io.BytesIO(data)).SOPInstanceUID
    assert "LossyImageCompression" not in dcmread(io.BytesIO(out))


def test_odd_bytes_of_a_received_file_survive() -> None:
    """Text that is no valid UTF-8, padding of the wrong kind: never re-serialised."""
    data = to_bytes(instance(PatientComments="Zusammenfassung"))
    data = data.replace(b"Zusammenfassung", b"Zus\xff\xfemmenf\0ss \0")
    out, _ = transcode(data, "jls")
    assert b"Zus\xff\xfemmenf\0ss \0" in out


@pytest.mark.parametrize("source", [ImplicitVRLittleEndian, ExplicitVRBigEndian,
                                    DeflatedExplicitVRLittleEndian], ids=lambda uid: uid.name)
@pytest.mark.parametrize("target", ["explicit", "implicit", "deflated", "jls"])
@pytest.mark.parametrize("kind", ["CT", "PET signed", "cine", "US colour"])
def test_other_encodings_are_rewritten_with_the_same_values(source: str, target: str, kind: str,
                                                            ) -> None:
    ds = KINDS[kind]()
    want = pixel_array(ds, raw=True)
    if source == ExplicitVRBigEndian:
        ds.PixelData = swapped(ds)
    ds.file_meta.TransferSyntaxUID = source
    out, done = transcode(to_bytes(ds), target)
    back = dcmread(io.BytesIO(out))
    assert np.array_equal(pixel_array(back, raw=True), want)
    assert back.PatientName == ds.PatientName and back.SOPInstanceUID == ds.SOPInstanceUID
    assert done.row.target_ts == ts.transfer_syntax(target).uid


def swapped(ds: FileDataset) -> bytes:
    """Pixel data as a big endian file has them: OW words turned round, 8-bit samples too."""
    ds["PixelData"].VR = "OW"
    words = np.frombuffer(ds.PixelData, "<u2")
    return words.astype(">u2").tobytes()


def test_two_decoders_are_claimed_only_where_two_code_bases_looked() -> None:
    data = to_bytes(instance())
    assert transcode(data, "jls")[1].row.verified == "two decoders"
    assert transcode(data, "htj2k")[1].row.verified == "foreign decoder"
    assert transcode(data, "jls", Options(verify="none"))[1].row.verified == "none"
    back = transcode(transcode(data, "jls")[0], "explicit")[1].row
    assert back.verified == "two decoders" and back.decoded_by == {}
    assert back.source_decoded_by == {"mediasvc": 1, "CharLS": 1}
    assert transcode(transcode(data, "j2k")[0], "explicit")[1].row.verified == "one decoder"


def test_the_digest_of_the_pixels_is_the_same_in_every_lossless_syntax() -> None:
    data = to_bytes(colour(1))
    full = Options(verify="full")
    digests = {transcode(data, target, full)[1].row.pixels_sha256 for target in LOSSLESS[3:]}
    assert len(digests) == 1
    again = transcode(transcode(data, "rle")[0], "jls", full)[1]
    assert again.row.pixels_sha256 in digests and again.row.pixels_sha256


def test_a_file_in_the_wanted_syntax_is_kept_to_the_byte() -> None:
    data = transcode(to_bytes(instance()), "jls")[0]
    out, done = transcode(data, "jls")
    assert out == data and done.row.verified == "identical"
    assert done.row.frames == 1 and done.row.native_bytes == 16 * 16 * 2


def test_bytes_are_counted_from_real_bytes() -> None:
    data = to_bytes(instance(modality="CINE", rows=8, columns=10, frames=5))
    out, done = transcode(data, "rle")
    row = done.row
    assert row.native_bytes == row.source_bytes == 8 * 10 * 3 * 5 and row.frames == 5
    assert row.encoded_bytes == sum(map(len, frames(read_framing(memoryview(out)))))
    assert row.ratio == round(1200 / row.encoded_bytes, 4)


def test_a_decoder_that_sees_another_image_stops_everything(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """FAULTS X01: whoever is right, the original stays."""
    data = transcode(to_bytes(instance()), "jpll")[0]

    def wrong(frame: object, spec: Any) -> Any:
        array = jpeg_lossless._decode(frame, spec).copy()  # type: ignore[arg-type]
        array[0, 0] ^= 1
        return array

    broken = jpeg_lossless.SV1.__class__(**{
        **{name: getattr(jpeg_lossless.SV1, name) for name in jpeg_lossless.SV1.__slots__},
        "first": Decoder("broken", wrong)})
    monkeypatch.setattr("mediasvc.work.transcoding.source_frames.codec", lambda uid: broken)
    with pytest.raises(ProofError, match="different images"):
        transcode(data, "jls")


def test_an_encoder_that_writes_another_image_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAULTS X02: the empty image with the admirable ratio."""
    real = jpeg_lossless._encode
    monkeypatch.setattr("mediasvc.codecs.jpeg_lossless.SV1", _with_encoder(
        lambda array, spec, dial: real(np.zeros_like(array), spec, dial)))
    monkeypatch.setattr("mediasvc.work.transcoding.target_frames.codec",
                        lambda uid: __import__("mediasvc.codecs.jpeg_lossless",
                                               fromlist=["SV1"]).SV1)
    with pytest.raises(ProofError, match="does not read what"):
        transcode(to_bytes(instance()), "jpll")


def _with_encoder(encode: Any) -> Any:
    from dataclasses import replace
    assert jpeg_lossless.SV1.lossless is not None
    return replace(jpeg_lossless.SV1, lossless=replace(jpeg_lossless.SV1.lossless, encode=encode))


@pytest.mark.parametrize(("change", "target", "words"), [
    ({"HighBit": 12}, "jls", "High Bit 12"),
    ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelData": bytes(32)}, "rle", "one bit"),
    ({"PhotometricInterpretation": None}, "jls", "no photometric"),
    ({"PhotometricInterpretation": "RGB"}, "jls", "RGB with 1 samples"),
    ({"SamplesPerPixel": 4, "Rows": 8, "Columns": 8, "PhotometricInterpretation": "CMYK"}, "jls",
     "4 samples"),
])
def test_what_is_not_tested_is_skipped_with_its_reason(change: dict[str, Any], target: str,
                                                       words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        transcode(to_bytes(instance(**change)), target)


def test_an_overlay_in_the_high_bits_stays_or_is_refused() -> None:
    ds = instance(modality="CR")
    cells = np.frombuffer(ds.PixelData, np.uint16).copy()
    cells[3] |= 0x8000
    ds.PixelData = cells.tobytes()
    with pytest.raises(UnsupportedError, match="above Bits Stored"):
        transcode(to_bytes(ds), "jls")
    back, _ = transcode(transcode(to_bytes(ds), "rle")[0], "explicit")
    assert dcmread(io.BytesIO(back)).PixelData == ds.PixelData


def test_native_ybr_full_422_becomes_ybr_full_with_each_pair_doubled() -> None:
    ds = instance(modality="US", rows=2, columns=4)
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.PixelData = bytes(range(16))
    out, _ = transcode(to_bytes(ds), "jls")
    back = dcmread(io.BytesIO(transcode(out, "explicit")[0]))
    assert back.PhotometricInterpretation == "YBR_FULL"
    assert pixel_array(back, raw=True)[0].tolist() == [[0, 2, 3], [1, 2, 3], [4, 6, 7], [5, 6, 7]]


def test_objects_without_pixels_change_only_their_data_set() -> None:
    data = to_bytes(instance(modality="SR"))
    with pytest.raises(UnsupportedError, match="no pixel data"):
        transcode(data, "jls")
    out, done = transcode(data, "implicit")
    assert done.row.frames == 0 and done.row.ratio is None
    assert dcmread(io.BytesIO(out)).PatientID == "P0001"


def test_segmentations_pass_between_native_syntaxes_untouched() -> None:
    ds = instance(BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=bytes(range(32)))
    out, _ = transcode(to_bytes(ds), "implicit")
    assert dcmread(io.BytesIO(out)).PixelData == bytes(range(32))


@pytest.mark.parametrize("target", ["bigendian", "1.2.840.10008.1.2.4.57",
                                    "1.2.840.10008.1.2.4.102"])
def test_what_is_only_read_is_never_written(target: str) -> None:
    with pytest.raises(UnsupportedError):
        transcode(to_bytes(instance()), target)


def test_an_unknown_target_is_a_usage_error() -> None:
    with pytest.raises(SettingsError):
        transcode(to_bytes(instance()), "jpg")


def test_a_compressed_icon_would_be_left_behind_so_it_is_refused() -> None:
    ds = dcmread(io.BytesIO(transcode(to_bytes(instance()), "rle")[0]))
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.PixelData = ds.PixelData
    icon["PixelData"].VR = "OB"
    icon["PixelData"].is_undefined_length = True
    ds.IconImageSequence = Sequence([icon])
    with pytest.raises(UnsupportedError, match="icon"):
        transcode(to_bytes(ds), "jls")


def test_a_damaged_file_is_never_laundered() -> None:
    data = to_bytes(instance())
    for cut in (len(data) - 1, len(data) - 100, 400):
        with pytest.raises(DamagedError):
            transcode(data[:cut], "jls")


def test_offset_tables_of_the_received_file_do_not_survive() -> None:
    rle = transcode(to_bytes(instance()), "rle")[0]
    frame = bytes(frames(read_framing(memoryview(rle)))[0])
    data = encapsulated([frame], transfer_syntax=ts.RLE, extended=([0], [len(frame)]))
    out, _ = transcode(data, "jls")
    assert not {0x7FE00001, 0x7FE00002} & set(raw_elements(out))
    assert "ExtendedOffsetTable" not in dcmread(io.BytesIO(transcode(data, "explicit")[0]))


def test_the_new_offset_table_is_full_and_right() -> None:
    out, _ = transcode(to_bytes(instance(modality="CINE", rows=8, columns=10, frames=5)), "jls")
    place = read_framing(memoryview(out)).pixel
    assert place is not None
    (at, length), *fragments = place.fragments(memoryview(out))
    offsets = struct.unpack_from(f"<{length // 4}I", out, at)
    assert [fragments[0][0] + offset for offset in offsets] == [start for start, _ in fragments]
    assert all(size % 2 == 0 for _, size in fragments)


def test_lossy_jpeg_is_decoded_exactly_and_stays_labelled_lossy() -> None:
    lossy, _ = transcode(to_bytes(instance(modality="US", rows=32, columns=40)), "jpeg")
    ds = dcmread(io.BytesIO(lossy))
    out, done = transcode(lossy, "explicit")
    back = dcmread(io.BytesIO(out))
    assert back.PhotometricInterpretation == "YBR_FULL"
    assert back.LossyImageCompression == "01"
    assert back.LossyImageCompressionRatio == ds.LossyImageCompressionRatio
    assert back.SOPInstanceUID == ds.SOPInstanceUID
    assert done.row.max_error is None


def test_a_lossy_stream_that_forgot_its_label_gets_it() -> None:
    lossy = dcmread(io.BytesIO(transcode(to_bytes(instance(modality="US", rows=32, columns=40)),
                                         "jpeg")[0]))
    del lossy.LossyImageCompression
    out, _ = transcode(to_bytes(lossy), "jls")
    assert dcmread(io.BytesIO(out)).LossyImageCompression == "01"


def test_a_jpeg_is_packed_and_unpacked_without_touching_its_stream() -> None:
    lossy, _ = transcode(to_bytes(instance(modality="US", rows=128, columns=160)), "jpeg")
    packed, done = transcode(lossy, "jxl-jpeg")
    assert done.row.encoded_bytes < done.row.source_bytes
    assert dcmread(io.BytesIO(packed)).SOPInstanceUID == dcmread(io.BytesIO(lossy)).SOPInstanceUID
    assert transcode(packed, "explicit")[0] == transcode(lossy, "explicit")[0]
    with pytest.raises(UnsupportedError, match="JPEG Baseline"):
        transcode(to_bytes(instance()), "jxl-jpeg")


def test_files_without_a_header_get_one() -> None:
    data = to_bytes(instance())
    bare = data[read_framing(memoryview(data)).meta_end:]
    out = dcmread(io.BytesIO(transcode(bare, "jls")[0]))
    assert out.file_meta.MediaStorageSOPInstanceUID == out.SOPInstanceUID
    assert out.file_meta.TransferSyntaxUID == ts.JPEG_LS
    implicit = to_bytes(instance(transfer_syntax=ImplicitVRLittleEndian))
    bare = implicit[read_framing(memoryview(implicit)).meta_end:]
    out = dcmread(io.BytesIO(transcode(bare, "jls")[0]))
    assert out.file_meta.MediaStorageSOPClassUID == out.SOPClassUID


def test_the_proof_notices_one_changed_byte_anywhere() -> None:
    data = to_bytes(instance())
    view = memoryview(data)
    for target in ("jls", "implicit", "jpll"):
        done = transcode_instance(view, target)
        good = b"".join(assemble(view, done.pieces))
        for at in (150, good.index(b"P0001"), len(good) - 30, len(good) // 2):
            bad = bytearray(good)
            bad[at] ^= 0x01
            with pytest.raises((ProofError, DamagedError)):
                prove(view, memoryview(bytes(bad)), done)
