"""What the bytes of a file say of themselves: recognised by content, never by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.framing import NotDicomError, is_dicom, read_framing
from mediasvc.dicom.inflate import deflate, inflate
from mediasvc.errors import BudgetError, DamagedError
from mediasvc.standard.preambles import MAGICS, TEXT_MAGICS, classify
from samples.synthesis import instance, to_bytes
from tests.raw_elements import ct, ct_file, element, encapsulated, file_meta, part10, text

BIG, IMPLICIT, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"


def codes_of(data: bytes) -> set[str]:
    return {finding.code for finding in read_framing(memoryview(data)).findings}


@pytest.mark.parametrize("modality", ["CT", "CINE", "SR", "DOC", "KO", "PR", "ECG", "RTDOSE"])
@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.1", BIG, DEFLATED])
def test_what_a_library_writes_is_framed_without_a_word(modality: str, syntax: str) -> None:
    written = instance(modality=modality, transfer_syntax=syntax)
    data = memoryview(to_bytes(written))
    framing = read_framing(data)
    assert framing.kind == "part10" and framing.preamble == "zero" and not framing.findings
    assert framing.transfer_syntax_uid == syntax and framing.deflated == (syntax == DEFLATED)
    assert framing.elements["tag"].tolist() == sorted(int(element.tag) for element in written)
    assert framing.end == len(framing.body) and not framing.damaged
    assert (framing.value(0x00100020) or b"").strip() == b"P0001"
    assert framing.value(0x00020010) == framing.head[slice(
        framing.meta[0x00020010].value, sum(framing.meta[0x00020010][1:3]))]
    assert framing.value(0x00091001) is None and framing.find(0x00091001) is None


def test_native_pixel_data_have_a_place() -> None:
    view = memoryview(ct_file())
    pixel = read_framing(view).pixel
    assert pixel is not None and not pixel.encapsulated and pixel.tag == 0x7FE00010
    assert view[pixel.value:pixel.end] == bytes(range(32)) and not list(pixel.fragments(view))


def test_fragments_of_encapsulated_pixel_data_are_listed() -> None:
    view = memoryview(ct_file({0x7FE00010: encapsulated(b"first", b"second!", table=bytes(8))}))
    pixel = read_framing(view).pixel
    assert pixel is not None and pixel.encapsulated
    parts = [bytes(view[at:at + length]) for at, length in pixel.fragments(view)]
    assert parts == [bytes(8), b"first", b"second!"]


def test_float_pixel_data_have_a_place() -> None:
    data = ct_file({0x7FE00010: b"", 0x7FE00008: element(0x7FE00008, "OF", bytes(64))})
    pixel = read_framing(memoryview(data)).pixel
    assert pixel is not None and pixel.tag == 0x7FE00008


@pytest.mark.parametrize("form", [{}, {"implicit": True}, {"big": True}])
def test_a_data_set_without_header_is_recognised_and_flagged(form: dict[str, bool]) -> None:
    view = memoryview(b"".join(ct(**form).values()))
    assert is_dicom(view)
    framing = read_framing(view)
    assert framing.kind == "bare" and framing.preamble == "none" and framing.meta_end == 0
    assert (framing.implicit, framing.big_endian) == (
        form.get("implicit", False), form.get("big", False))
    assert [finding.code for finding in framing.findings] == ["no-file-header"]


def test_file_meta_without_preamble_are_recognised() -> None:
    view = memoryview(file_meta() + b"".join(ct().values()))
    framing = read_framing(view)
    assert framing.kind == "bare" and framing.meta_start == 0
    assert framing.meta_uid(0x00020003) == "1.2.3.4"


@pytest.mark.parametrize("data", [
    b"", b"DICM", bytes(300), b"hello world, this is a text file\n" * 20, b"\xff\xd8\xff\xe0" * 50,
    b"".join(ct().values())[:-1], text(0x00100010, "PN", "A^B") * 3,
    text(0x00080005, "CS", "ISO_IR 100") + b"and now something else entirely",
])
def test_what_is_not_dicom_is_not_taken_for_it(data: bytes) -> None:
    assert not is_dicom(memoryview(data))
    with pytest.raises(NotDicomError):
        read_framing(memoryview(data))


def test_a_wrong_transfer_syntax_is_seen_through() -> None:
    for said, form in ((IMPLICIT, {}), ("1.2.840.10008.1.2.1", {"implicit": True}),
                       ("1.2.840.10008.1.2.1", {"big": True}), (BIG, {})):
        data = part10(*ct(**form).values(), meta=file_meta(syntax=said))
        framing = read_framing(memoryview(data))
        assert framing.verdict == codes.OK and "encoding-not-as-said" in codes_of(data)
        assert (framing.implicit, framing.big_endian) == (
            form.get("implicit", False), form.get("big", False))


def test_a_missing_transfer_syntax_is_told_from_the_data() -> None:
    data = part10(*ct(implicit=True).values(), meta=file_meta(syntax=""))
    assert read_framing(memoryview(data)).transfer_syntax_uid == IMPLICIT
    assert "no-transfer-syntax" in codes_of(data)


def test_file_meta_that_lie_are_flagged_or_refused() -> None:
    good = file_meta()
    wrong_length = good[:8] + struct.pack("<I", 7) + good[12:]
    assert codes_of(part10(*ct().values(), meta=wrong_length)) == {"meta-group-length-wrong"}
    assert codes_of(part10(*ct().values(), meta=good[12:])) == {"meta-group-length-missing"}
    twice = file_meta("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4", "1.2.840.10008.1.2.1",
                      text(0x00020003, "UI", "9.9"))
    assert "meta-tag-twice" in codes_of(part10(*ct().values(), meta=twice))
    endless = good + element(0x00020102, "OB", b"", length=0xFFFFFFF0)
    assert "meta-damaged" in codes_of(part10(*ct().values(), meta=endless))
    assert "meta-damaged" in codes_of(part10(meta=good))
    assert "meta-damaged" in codes_of(bytes(128) + b"DICM")


def test_a_deflated_data_set_is_inflated_within_its_budget() -> None:
    body = b"".join(ct({0x7FE00010: element(0x7FE00010, "OW", bytes(1 << 20))}).values())
    data = part10(deflate(body), meta=file_meta(syntax=DEFLATED))
    framing = read_framing(memoryview(data))
    assert framing.body == body and framing.dataset_start == 0 and not framing.findings
    with pytest.raises(BudgetError):
        read_framing(memoryview(data), inflate_limit=1 << 19)


def test_a_deflate_bomb_stops_at_the_budget_and_not_in_memory() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(engine.compress(bytes(1 << 20)) for _ in range(100)) + engine.flush()
    with pytest.raises(BudgetError):
        inflate(memoryview(bomb), 8 << 20)


def test_a_cut_or_damaged_deflated_data_set_is_an_error() -> None:
    stream = deflate(b"".join(ct().values()))
    for broken in (stream[:-5], stream[:10], b"\xff" * 20):
        with pytest.raises(DamagedError):
            read_framing(memoryview(part10(broken, meta=file_meta(syntax=DEFLATED))))


def test_what_follows_a_deflated_data_set_is_told_apart() -> None:
    body = b"".join(ct().values())
    stream, meta = deflate(body), file_meta(syntax=DEFLATED)
    checksum = struct.pack("<II", zlib.crc32(body), len(body))
    assert not codes_of(part10(stream + bytes(2), meta=meta))
    assert codes_of(part10(stream.rstrip(b"\0") + checksum, meta=meta)) == {"deflate-checksum"}
    assert codes_of(part10(stream + b"MZ....", meta=meta)) == {"trailing-data"}


def test_every_preamble_that_another_program_would_open_is_named() -> None:
    assert len(MAGICS) + len(TEXT_MAGICS) >= 40
    for magic, words, kind in MAGICS:
        assert classify(magic.ljust(128, b"\0")) == (kind, words)
        assert "hostile-preamble" in codes_of(ct_file(preamble=magic))
    for magic, words in TEXT_MAGICS:
        assert classify((b" \n" + magic.upper()).ljust(128)) == ("executable", words)
    assert classify((b"GIF89a" + b"%PDF-1.7").ljust(128, b"\0"))[0] == "executable"


@pytest.mark.parametrize(("preamble", "kind"), [
    (b"", "zero"), (b"II*\0\x10", "tiff"), (b"MM\0*", "tiff"), (b"II+\0", "tiff"),
    (b"exported by Example 1.0", "text"), (b"\x01\x02\x03", "other")])
def test_other_preambles_are_at_most_odd(preamble: bytes, kind: str) -> None:
    framing = read_framing(memoryview(ct_file(preamble=preamble)))
    assert framing.preamble == kind and not framing.damaged


def test_every_real_file_frames_or_says_why_not(real_data: Path) -> None:
    refused = {}
    for path in sorted(real_data.rglob("*")):
        if not path.is_file() or path.suffix in (".csv", ".md", ".zip", ".gz"):
            continue
        view = memoryview(path.read_bytes())
        if is_dicom(view):
            framing = read_framing(view)
            if framing.damaged:
                refused[path.name] = framing.verdict
    assert set(refused) == {"emri_small_jpeg_2k_lossless_too_short.dcm", "gh1376.dcm",
                            "mr_truncated.dcm", "rtplan_truncated.dcm", "DICOMDIR-nooffset"}
