"""May this file enter? What can hurt is refused, what is only odd is let in with a warning."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mediasvc.dicom import screening
from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.inflate import deflate
from mediasvc.dicom.second_reading import SHARE, compare
from samples.synthesis import instance, to_bytes, uid, write_disc
from tests.raw_elements import (
    ITEM,
    SEQUENCE_END,
    SR,
    UNDEFINED,
    ct,
    ct_file,
    element,
    encapsulated,
    file_meta,
    item,
    part10,
    sequence,
    tag,
    text,
)

JPEG, JPIP, MPEG = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.102"


def look(data: bytes) -> tuple[str, set[str], set[str]]:
    """(role, codes of errors, codes of warnings)."""
    screened = screening.screen(memoryview(data))
    errors = {f.code for f in screened.findings if f.severity == "error"}
    assert (screened.role == "refused") == bool(errors)
    return screened.role, errors, {f.code for f in screened.findings if f.severity == "warning"}


def jpeg_ct(pixels: bytes, syntax: str = JPEG, **frames: str) -> bytes:
    changes = {0x7FE00010: pixels}
    if frames:
        changes[0x00280008] = text(0x00280008, "IS", frames["frames"])
    return ct_file(changes, meta=file_meta(syntax=syntax))


@pytest.mark.parametrize("modality", ["CT", "MR", "CR", "US", "CINE", "PT", "SR", "DOC", "KO", "PR",
                                      "ECG", "RTDOSE"])
def test_sound_instances_enter_without_a_word(modality: str) -> None:
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2",
                   "1.2.840.10008.1.2.1.99"):
        data = to_bytes(instance(modality=modality, transfer_syntax=syntax))
        assert look(data) == ("instance", set(), set())


def test_the_smallest_whole_ct_enters_without_a_word() -> None:
    assert look(ct_file()) == ("instance", set(), set())
    header = screening.screen(memoryview(ct_file())).header
    assert header is not None and header.patient_id == "P1" and header.rows == 4


@pytest.mark.parametrize("data", [b"", b"plain text", bytes(1000), b"\x89PNG\r\n\x1a\n" * 30,
                                  b"PK\x03\x04" + bytes(200)])
def test_other_files_are_named_as_what_they_are(data: bytes) -> None:
    assert look(data) == ("non_dicom", set(), set())


def test_a_dicomdir_is_known_by_content_and_its_damage_only_weakens_it(tmp_path: Path) -> None:
    write_disc(tmp_path, [instance()])
    data = (tmp_path / "DICOMDIR").read_bytes()
    assert look(data)[0] == "dicomdir"
    assert look(data[:-3])[:2] == ("dicomdir", set())


@pytest.mark.parametrize(("data", "code"), [
    # P01, P03: lengths that lie
    (ct_file()[:-1], "length-beyond-end"),
    (ct_file({0x00104000: element(0x00104000, "LT", b"", length=0xFFF0)}), "length-beyond-end"),
    (ct_file({0x7FE00010: element(0x7FE00010, "OW", bytes(30))}), "pixels-too-short"),
    # P02: pixel data that are not there, or not all
    (ct_file({0x7FE00010: b""}), "content-missing"),
    (jpeg_ct(encapsulated(b"jpeg", end=False)), "no-delimiter"),
    (jpeg_ct(encapsulated()), "frames-missing"),
    (jpeg_ct(encapsulated(b"one!", b"two!"), frames="3"), "frames-missing"),
    (jpeg_ct(encapsulated(), MPEG), "frames-missing"),
    (jpeg_ct(element(0x7FE00010, "OW", bytes(32))), "pixels-not-as-said"),
    (ct_file({0x7FE00010: encapsulated(b"jpeg")}), "pixels-not-as-said"),
    # P04, P05
    (ct_file({0x00091001: sequence(0x00091001, item(), undefined=True) * 70_000}),
     "too-many-elements"),
    # P07: two truths
    (ct_file({0x00100020: text(0x00100020, "LO", "P1") + text(0x00100020, "LO", "P2")}),
     "identity-twice"),
    (ct_file({0x00100030: text(0x00100030, "DA", "") + text(0x00100020, "LO", "P2")}),
     "identity-twice"),
    (ct_file({0x00189999: text(0x00180015, "CS", "HEAD") * 2}), "element-twice"),
    # P08
    (ct_file(meta=file_meta(sop_instance="1.2.3.99")), "meta-disagrees"),
    (ct_file(meta=file_meta(sop_class=SR)), "meta-disagrees"),
    # P09: no name, no entry
    (ct_file({0x00080018: b""}), "uid-missing"),
    (ct_file({0x0020000D: text(0x0020000D, "UI", "")}), "uid-missing"),
    (ct_file({0x0020000E: text(0x0020000E, "UI", "1.2.x")}), "uid-invalid"),
    (ct_file({0x0020000E: text(0x0020000E, "UI", "1.2..3")}), "uid-invalid"),
    (ct_file({0x0020000D: text(0x0020000D, "UI", "1." + "2" * 64)}), "uid-invalid"),
    (ct_file({0x0020000D: text(0x0020000D, "UI", "../../etc")}), "uid-invalid"),
    (bytes(128) + b"DICM", "meta-damaged"),
    (ct_file(meta=file_meta(syntax="1.2.840.x")), "transfer-syntax-invalid"),
    # P10: a legacy file that is cut
    (b"".join(ct().values())[:-1], "damaged"),
    # P11, P12
    (ct_file(behind=b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"), "trailing-data"),
    (ct_file(behind=b"PK\x03\x04" + b"zip" * 20), "trailing-data"),
    (ct_file(behind=b"x"), "trailing-data"),
    (ct_file(behind=text(0x00100020, "LO", "P2")), "trailing-data"),
    (ct_file(preamble=b"MZ\x90\0"), "hostile-preamble"),
    (ct_file(preamble=b"{\"json\": 1}"), "hostile-preamble"),
    # P13: values that cannot be what they should
    (ct_file({0x00280010: element(0x00280010, "UL", struct.pack("<I", 4))}), "wrong-type"),
    (ct_file({0x00100020: element(0x00100020, "OB", b"P1")}), "wrong-type"),
    (ct_file({0x00280010: text(0x00280010, "ZZ", "ab")}), "illegal-vr"),
    (ct_file({0x00280008: text(0x00280008, "IS", "-2")}), "image-size-unknown"),
    (ct_file({0x00280008: text(0x00280008, "IS", "1A")}), "image-size-unknown"),
    (ct_file({0x00280010: b""}), "image-size-unknown"),
    # X06: sizes beyond all numbers
    (ct_file({0x00280010: element(0x00280010, "US", b"\xff\xff"),
              0x00280011: element(0x00280011, "US", b"\xff\xff"),
              0x00280008: text(0x00280008, "IS", "99999999")}), "pixels-too-short"),
])
def test_what_can_hurt_is_refused(data: bytes, code: str) -> None:
    role, errors, _ = look(data)
    assert role == "refused" and code in errors


@pytest.mark.parametrize(("data", "code"), [
    (ct_file(preamble=b"Created by Example"), "preamble-not-empty"),
    (ct_file({0x00100010: text(0x00100010, "PN", b"M\xfcller")}), "identity-text-uncertain"),
    (ct_file({0x00081030: text(0x00081030, "LO", b"Sch\xe4del")}), "text-uncertain"),
    (ct_file({0x00100020: text(0x00100020, "LO", b"P\x001")}), "identity-hidden-characters"),
    (ct_file({0x00100010: text(0x00100010, "PN", "A" * 5000)}), "text-too-long"),
    (ct_file({0x0020000D: text(0x0020000D, "UI", "1.02.3")}), "uid-leading-zero"),
    (ct_file({0x7FE00010: element(0x7FE00010, "OW", bytes(64))}), "pixels-too-long"),
    (ct_file({0x00280004: b""}), "image-attributes-missing"),
    (ct_file({0x00280101: element(0x00280101, "US", b"\x20\0")}), "bits-impossible"),
    (ct_file({0x00280006: element(0x00280006, "US", b"1")}), "number-unreadable"),
    (ct_file({0x00100020: text(0x00100020, "SH", "P1")}), "odd-type"),
    (ct_file({0x00104000: element(0x00104000, "LT", b"odd")}), "odd-length"),
    (ct_file({0x00100030: text(0x00180015, "CS", "HEAD") + text(0x00100030, "DA", "")}),
     "tags-out-of-order"),
    (ct_file(behind=bytes(20)), "trailing-zeros"),
    (ct_file(meta=file_meta(syntax="1.2.3.4")), "transfer-syntax-unknown"),
    (ct_file(meta=file_meta(sop_class="")), "meta-uid-missing"),
    (b"".join(ct().values()), "no-file-header"),
    (part10(*ct(implicit=True).values()), "encoding-not-as-said"),
])
def test_what_is_only_odd_enters_with_a_warning(data: bytes, code: str) -> None:
    role, errors, warnings = look(data)
    assert role == "instance" and code in warnings and not errors


def test_an_empty_patient_id_enters_because_identity_is_decided_later() -> None:
    assert look(ct_file({0x00100020: text(0x00100020, "LO", "")}))[0] == "instance"
    assert look(ct_file({0x00100020: b"", 0x00100010: b""}))[0] == "instance"


def test_nesting_beyond_reason_is_refused_however_it_is_hidden() -> None:
    data = b""
    for _ in range(500):
        data = sequence(0x00081140, item(data, undefined=True), undefined=True)
    assert look(ct_file({0x00081140: data}))[1] == {"nested-too-deep"}
    hidden = element(0x00091001, "UN", item(data))
    assert look(ct_file({0x00091001: hidden}))[1] == {"nested-too-deep"}


def test_whole_images_of_every_pixel_kind_enter() -> None:
    number = struct.Struct("<H").pack
    rgb = {0x00280002: element(0x00280002, "US", number(3)),
           0x00280100: element(0x00280100, "US", number(8)),
           0x00280101: element(0x00280101, "US", number(8)),
           0x00280102: element(0x00280102, "US", number(7))}
    half = {**rgb, 0x00280004: text(0x00280004, "CS", "YBR_FULL_422")}
    one_bit = {0x00280100: element(0x00280100, "US", number(1)),
               0x00280101: element(0x00280101, "US", number(1)),
               0x00280102: element(0x00280102, "US", number(0)),
               0x00280008: text(0x00280008, "IS", "3")}
    for changes, size in ((rgb, 48), (half, 32), (half, 48), (one_bit, 6)):
        pixels = element(0x7FE00010, "OW", bytes(size))
        assert look(ct_file({**changes, 0x7FE00010: pixels})) == ("instance", set(), set())
    floats = {0x7FE00010: b"", 0x7FE00008: element(0x7FE00008, "OF", bytes(64)), 0x00280101: b"",
              0x00280102: b"", 0x00280103: b""}
    assert look(ct_file(floats)) == ("instance", set(), set())


def test_compressed_images_enter_by_frames_and_videos_by_their_stream() -> None:
    assert look(jpeg_ct(encapsulated(b"one!", b"two!"), frames="2")) == ("instance", set(), set())
    assert look(jpeg_ct(encapsulated(b"one!", b"half"), frames="1"))[0] == "instance"
    assert look(jpeg_ct(encapsulated(b"film"), MPEG, frames="500"))[0] == "instance"
    assert look(jpeg_ct(b"", JPIP))[0] == "instance"


def test_objects_of_no_patient_are_refused_with_that_reason() -> None:
    palette = "1.2.840.10008.5.1.4.39.1"
    data = part10(text(0x00080016, "UI", palette), text(0x00080018, "UI", "1.2.3.4"),
                  meta=file_meta(palette))
    assert look(data)[1] == {"not-of-a-patient"}


def test_an_icon_whose_lengths_forget_the_items_is_refused() -> None:
    """pydicom #2324: it swallows the image behind such an icon and says nothing."""
    pixels = element(0x7FE00010, "OB", item() + item(b"icon") + tag(SEQUENCE_END) + bytes(4),
                     length=UNDEFINED)
    good = sequence(0x00880200, item(pixels))
    short = struct.pack("<I", len(pixels) - 24)
    bad = good[:8] + struct.pack("<I", len(pixels) - 16) + tag(ITEM) + short + pixels
    assert look(jpeg_ct(good + encapsulated(b"real")))[0] == "instance"
    assert look(jpeg_ct(bad + encapsulated(b"real")))[0] == "refused"


def test_a_second_reader_is_asked_only_where_two_readings_are_possible(
        monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(screening, "compare", lambda view, framing: asked.append("") or [])
    for number in range(300):
        data = ct_file({0x00080018: text(0x00080018, "UI", uid(1, 1, 1, number))},
                       meta=file_meta(sop_instance=uid(1, 1, 1, number)))
        screening.screen(memoryview(data))
    assert 0 < len(asked) < 4 * 300 / SHARE
    asked.clear()
    for odd in (ct_file(behind=bytes(10)), b"".join(ct().values()),
                ct_file({0x00091001: sequence(0x00091001, item(), undefined=True, vr="UN")})):
        screening.screen(memoryview(odd))
    assert len(asked) == 3


def test_a_second_reader_that_sees_something_else_keeps_the_file_out(
        monkeypatch: pytest.MonkeyPatch) -> None:
    import pydicom

    view = memoryview(ct_file())
    framing = read_framing(view)
    assert not compare(view, framing)
    other = pydicom.Dataset()
    for changed in (lambda: other, lambda: (_ for _ in ()).throw(KeyError("a value")),
                    lambda: (_ for _ in ()).throw(RecursionError)):
        monkeypatch.setattr(pydicom, "dcmread", lambda *_, make=changed, **__: make())
        (finding,) = compare(view, framing)
        assert finding.severity == "error" and "a value" not in finding.text


def test_big_files_are_compared_up_to_their_pixels() -> None:
    number = struct.pack("<H", 2200)
    data = ct_file({0x00280010: element(0x00280010, "US", number),
                    0x00280011: element(0x00280011, "US", number),
                    0x7FE00010: element(0x7FE00010, "OW", bytes(2200 * 2200 * 2))}, behind=bytes(6))
    assert look(data) == ("instance", set(), {"trailing-zeros"})


def boundaries(data: bytes) -> set[int]:
    return {int(start) for start in read_framing(memoryview(data)).elements["start"]}


@pytest.mark.parametrize("data", [
    ct_file(), jpeg_ct(encapsulated(b"jpeg")),
    ct_file({0x00081140: sequence(0x00081140, item(text(0x00081150, "UI", "1.2")))}),
    part10(deflate(b"".join(ct().values())), meta=file_meta(syntax="1.2.840.10008.1.2.1.99")),
    to_bytes(instance(rows=4, columns=4)), to_bytes(instance(modality="ECG"))], ids=range(6))
def test_no_cut_of_an_image_or_waveform_enters(data: bytes) -> None:
    padding = len(data) % 2  # a deflate stream may lose its padding byte
    for length in range(len(data) - padding):
        role = screening.screen(memoryview(data)[:length]).role
        legal = data[132:].find(b"1.2.1.99") >= 0 and not data[length:].strip(b"\0")
        assert role != "instance" or legal, length


@pytest.mark.parametrize(("modality", "last"), [("SR", 0x0040A040), ("KO", 0x0040A040),
                                                ("DOC", 0x00420012)])
def test_other_objects_may_only_be_cut_where_they_stay_whole(modality: str, last: int) -> None:
    """Between two elements behind the last essential one: nobody can tell that more should come."""
    data = to_bytes(instance(modality=modality))
    framing = read_framing(memoryview(data))
    essential = framing.find(last)
    assert essential is not None
    legal = {start for start in boundaries(data) if start > essential["start"]}
    accepted = {length for length in range(len(data))
                if screening.screen(memoryview(data)[:length]).role == "instance"}
    assert accepted == legal


def test_a_cut_file_without_header_never_enters() -> None:
    data = b"".join(ct().values())
    assert all(screening.screen(memoryview(data)[:length]).role != "instance"
               for length in range(len(data)))


#: broken/: what becomes of the files that may enter; every other one is refused or not DICOM.
ENTERING = {
    "1403-ob.dcm": set(),
    "colortestmalaterre.dcm": set(),
    "ctimagestorage_bad_meta.dcm": {"meta-uid-missing"},
    "deflated_sq.dcm": set(),
    "explicit_vr-un.dcm": set(),
    "explvr_bigend.dcm": set(),
    "explvr_bigendnometa.dcm": {"no-file-header"},
    "explvr_litendnometa.dcm": {"no-file-header"},
    "genfile.dcm": set(),
    "gh177_ele_undefinded_length.dcm": set(),
    "j2k_pixelrep_mismatch.dcm": set(),
    "jpeg2000-embedded-sequence-delimiter.dcm": set(),
    "multiframewindowing.dcm": {"image-attributes-missing"},
    "ot-pal-8-face.dcm": {"no-file-header"},
    "outofboundsoverlay.dcm": set(),
    "privatemdntags.dcm": {"no-file-header"},
    "sc_rgb_jpeg_dcmd.dcm": set(),
    "unknown_sop.dcm": set(),
}
FOREIGN = {"dwv-test_bad.zip", "zipmr.gz", "no_meta.dcm"}


def test_every_broken_file_is_a_finding_or_a_clean_import(real_data: Path) -> None:
    entered = {}
    for path in sorted((real_data / "broken").iterdir()):
        role, _, warnings = look(path.read_bytes())
        if role == "instance":
            entered[path.name] = warnings
        assert (role == "non_dicom") == (path.name in FOREIGN)
        assert (role == "dicomdir") == path.name.startswith("dicomdir")
    assert entered == ENTERING


#: Real files that pydicom reads and that do not enter: folder or name → why.
EXCEPTIONS = {
    "TINY_ALPHA": {"content-missing"},  # images without pixel data
    "palette_": {"not-of-a-patient"},
    "charset/chr": {"content-missing", "meta-disagrees", "uid-missing"},
    "charset/empty_charset": {"uid-missing"},
    "objects/rt": {"meta-disagrees"},  # anonymised by a tool that forgot the file meta
    "codec/": {"uid-missing"},  # test images without Study or Series Instance UID
}


def test_real_files_enter_but_for_named_exceptions(real_data: Path) -> None:
    count = 0
    for folder in ("media", "series", "codec", "objects", "charset", "large"):
        for path in sorted((real_data / folder).rglob("*")):
            if not path.is_file():
                continue
            name = str(path.relative_to(real_data))
            role, errors, _ = look(path.read_bytes())
            count += role == "instance"
            reasons = [why for part, why in EXCEPTIONS.items() if part in name]
            assert not errors or any(errors <= why for why in reasons), (name, errors)
    assert count > 480
