"""Where each frame lies: offset tables full, empty, wrong and extended; fragments across frames."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.encapsulation import group_fragments, item, offset_tables
from mediasvc.dicom.frames import frame_spec, frames, number_of_frames
from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.pixel_writer import PixelWriter
from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.standard import transfer_syntaxes as ts
from samples.synthesis import instance, to_bytes
from tests.encapsulated_things import encapsulated

A, B, C = b"\xff\xd8\xff\xc3AAAA", b"\xff\xd8\xff\xc3BB", b"\xff\xd8\xff\xc3CCCCCCCC"
OFFSETS = [0, len(A) + 8, len(A) + len(B) + 16]


def read(data: bytes) -> tuple[list[bytes], list[str]]:
    found = frames(read_framing(memoryview(data)))
    return [bytes(frame) for frame in found], [finding.code for finding in found.findings]


@pytest.mark.parametrize("table", [OFFSETS, None], ids=["full", "empty"])
def test_one_fragment_per_frame_with_and_without_an_offset_table(table: list[int] | None) -> None:
    data = encapsulated([A, B, C], table=table, frames=3, transfer_syntax=ts.JPEG_LOSSLESS_SV1)
    assert read(data) == ([A, B, C], [])


@pytest.mark.parametrize("table", [
    [0, 1, 2], [8, 16, 24], [0, OFFSETS[2], OFFSETS[1]], [0, OFFSETS[1]], [0, 0, 0],
], ids=["inside", "shifted", "order", "short", "zeros"])
def test_a_wrong_offset_table_is_not_believed_and_said_so(table: list[int]) -> None:
    data = encapsulated([A, B, C], table=table, frames=3, transfer_syntax=ts.JPEG_LOSSLESS_SV1)
    assert read(data) == ([A, B, C], ["offset-table-wrong"])


def test_fragments_across_frames_are_joined_by_the_table() -> None:
    parts = [A[:4], A[4:], B, C[:6], C[6:]]
    table = [0, len(A) + 16, len(A) + len(B) + 24]
    data = encapsulated(parts, table=table, frames=3, transfer_syntax=ts.JPEG_LOSSLESS_SV1)
    assert read(data) == ([A, B, C], [])


def test_fragments_across_frames_without_a_table_are_told_by_the_start_of_each_frame() -> None:
    parts = [A[:4], A[4:], B, C[:6], C[6:]]
    data = encapsulated(parts, frames=3, transfer_syntax=ts.JPEG_LOSSLESS_SV1)
    assert read(data) == ([A, B, C], [])


def test_jpeg_2000_frames_are_told_by_soc_and_siz() -> None:
    one, two = b"\xff\x4f\xff\x51" + b"1" * 12, b"\xff\x4f\xff\x51" + b"2" * 6
    data = encapsulated([one[:8], one[8:], two], frames=2, transfer_syntax=ts.J2K_LOSSLESS)
    assert read(data) == ([one, two], [])


def test_rle_fragments_across_frames_without_a_table_are_refused() -> None:
    data = encapsulated([b"12", b"34", b"56"], frames=2, transfer_syntax=ts.RLE)
    with pytest.raises(DamagedError, match="cannot be told apart"):
        read(data)


def test_one_frame_may_have_any_number_of_fragments() -> None:
    data = encapsulated([A[:2], A[2:4], A[4:]], transfer_syntax=ts.RLE)
    assert read(data) == ([A], [])


def test_the_extended_offset_table_knows_the_true_lengths() -> None:
    odd = [A + b"\0", B, C + b"\0\0"[:0]]
    odd = [frame + b"\0" * (len(frame) % 2) for frame in (A + b"x", B, C)]
    offsets = [0, len(odd[0]) + 8, len(odd[0]) + len(odd[1]) + 16]
    data = encapsulated(odd, frames=3, transfer_syntax=ts.JPEG_LOSSLESS_SV1,
                        extended=(offsets, [len(A) + 1, len(B), len(C)]))
    assert read(data) == ([A + b"x", B, C], [])


@pytest.mark.parametrize(("offsets", "lengths"), [
    ([0, 5, 9], [8, 6, 12]), (OFFSETS, [8, 6]), (OFFSETS, [800, 6, 12]),
], ids=["offsets", "count", "lengths"])
def test_a_wrong_extended_offset_table_is_not_believed(offsets: list[int], lengths: list[int],
                                                       ) -> None:
    data = encapsulated([A, B, C], frames=3, transfer_syntax=ts.JPEG_LOSSLESS_SV1,
                        extended=(offsets, lengths))
    assert read(data) == ([A, B, C], ["offset-table-wrong"])


def test_too_few_fragments_are_damage() -> None:
    places = [(8, 4), (20, 4)]
    with pytest.raises(DamagedError, match="2 fragments"):
        group_fragments(memoryview(bytes(40)), (0, 0), places, 3, mark=b"\xff\xd8")


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=12), st.booleans())
def test_what_is_written_is_found_again(parts: list[bytes], with_table: bool) -> None:
    writer = PixelWriter(encapsulated=True)
    for part in parts:
        writer.add(part)
    head, body = writer.finish(Encoding(implicit=False, big_endian=False), 8)
    assert len(head) == 1
    table = list(offset_tables([len(part) for part in parts])[0][8:])
    data = encapsulated([part + b"\0" * (len(part) % 2) for part in parts], frames=len(parts),
                        table=list(struct.unpack(f"<{len(table) // 4}I", bytes(table)))
                        if with_table else None, transfer_syntax=ts.RLE)
    assert data.endswith(b"".join(body))
    assert [frame[:len(part)] for frame, part in zip(read(data)[0], parts, strict=True)] == parts


def test_offsets_beyond_32_bits_go_into_the_extended_table() -> None:
    basic, extended = offset_tables([3 << 30, 3 << 30, 5])
    assert basic == item(b"") and extended is not None
    assert struct.unpack("<3Q", extended[0]) == (0, (3 << 30) + 8, (6 << 30) + 16)
    assert struct.unpack("<3Q", extended[1]) == (3 << 30, 3 << 30, 5)


def test_native_frames_are_views_and_not_copies() -> None:
    data = memoryview(to_bytes(instance(modality="CINE", rows=5, columns=3, frames=3)))
    framing = read_framing(data)
    found = frames(framing)
    assert len(found) == 3 and found.total_bytes == sum(len(frame) for frame in found)
    assert all(isinstance(frame, memoryview) and frame.obj is data.obj for frame in found)
    assert b"".join(found) == bytes(framing.value(0x7FE00010) or b"")[:found.total_bytes]


def test_odd_native_pixel_data_may_be_padded_by_one_byte_only() -> None:
    ds = instance(modality="US", rows=3, columns=3)
    assert len(ds.PixelData) % 2 == 0
    size = frame_spec(read_framing(memoryview(to_bytes(ds)))).native_bytes
    assert size % 2 and len(frames(read_framing(memoryview(to_bytes(ds))))[0]) == size
    ds.PixelData += b"\0\0"
    with pytest.raises(DamagedError, match="the image needs"):
        read(to_bytes(ds))


@pytest.mark.parametrize(("value", "count"), [("", 1), ("3", 3), ("+2", 2)])
def test_the_number_of_frames_is_read_as_the_standard_writes_it(value: str, count: int) -> None:
    data = to_bytes(instance(NumberOfFrames=value))
    assert number_of_frames(read_framing(memoryview(data))) == count


@pytest.mark.parametrize("value", ["0", "-1", "99999999999"])
def test_an_insane_number_of_frames_is_damage(value: str) -> None:
    with pytest.raises(DamagedError, match="Number of Frames"):
        read(to_bytes(instance(NumberOfFrames=value)))


def test_a_frame_count_that_the_pixels_do_not_have_is_damage() -> None:
    """FAULTS X07: such a file is left as it is."""
    with pytest.raises(DamagedError):
        read(to_bytes(instance(NumberOfFrames="2")))


def test_no_pixels_float_pixels_and_bits_have_a_reason() -> None:
    with pytest.raises(UnsupportedError, match="no pixel data"):
        read(to_bytes(instance(modality="SR")))
    ds = instance()
    del ds.PixelData
    ds.FloatPixelData = np.zeros((16, 16), np.float32).tobytes()
    with pytest.raises(UnsupportedError, match="float"):
        read(to_bytes(ds))
    with pytest.raises(UnsupportedError, match="one bit"):
        read(to_bytes(instance(BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=bytes(32))))


def test_video_is_named_and_not_touched() -> None:
    data = encapsulated([b"stream"], frames=100, transfer_syntax="1.2.840.10008.1.2.4.102")
    with pytest.raises(UnsupportedError, match="video"):
        read(data)


def test_native_pixel_data_beyond_4_gib_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediasvc.dicom.pixel_writer.NATIVE_LIMIT", 10)
    writer = PixelWriter(encapsulated=False)
    writer.add(bytes(11))
    with pytest.raises(BudgetError):
        writer.finish(Encoding(implicit=False, big_endian=False), 8)


def test_many_frames_lie_on_disk_and_not_in_memory(monkeypatch: pytest.MonkeyPatch,
                                                   tmp_path: object) -> None:
    monkeypatch.setattr("mediasvc.dicom.pixel_writer.MEMORY", 100)
    writer = PixelWriter(encapsulated=True)
    for number in range(10):
        writer.add(bytes([number]) * 50)
    _, (body,) = writer.finish(Encoding(implicit=False, big_endian=False), 8)
    assert not isinstance(body.obj, bytes)
    assert bytes(body[:8 + 50]) == item(bytes(50)) and len(body) == 10 * 58 + 8
