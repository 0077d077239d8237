"""Names and texts in every character set: shown right, or marked as uncertain."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.header import read_header, scan
from mediasvc.dicom.text import decode, display, has_hidden, normal_name
from samples.people import NAMES
from samples.synthesis import instance, to_bytes

#: The examples of PS3.5 annexes H, I, J, K and PS3.3, byte for byte: name, character set, bytes.
EXAMPLES = [
    ("Äneas^Rüdiger", "ISO_IR 100", b"\xc4neas^R\xfcdiger"),
    ("Buc^Jérôme", "ISO_IR 100", b"Buc^J\xe9r\xf4me"),
    ("Διονυσιος", "ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2"),
    ("קר", "ISO_IR 138", b"\xf7\xf8"),
    ("Люк", "ISO_IR 144", b"\xbb\xee\xda"),
    ("قباني", "ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea"),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "\\ISO 2022 IR 87",
     b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"),
    ("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "ISO 2022 IR 13\\ISO 2022 IR 87",
     b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^"
     b"\x1b$B$?$m$&\x1b(J"),
    ("Hong^Gildong=洪^吉洞=홍^길동", "\\ISO 2022 IR 149",
     b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6"
     b"\xb5\xbf"),
    ("Wang^XiaoDong=王^小東=", "ISO_IR 192",
     b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1="),
    ("Wang^XiaoDong=王^小东=", "GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab="),
    ("Wang^XiaoDong=王^小东=", "GBK", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab="),
    ("Zhang^XiaoDong=张^小东=", "\\ISO 2022 IR 58",
     b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="),
    ("丂", "\\ISO 2022 IR 159", b"\x1b$(D0!\x1b(B"),
    ("สมชาย", "ISO_IR 166", b"\xca\xc1\xaa\xd2\xc2"),
    ("Ünal^Işıl", "ISO_IR 148", b"\xdcnal^I\xfe\xfdl"),
    ("Œuvre€", "ISO_IR 203", b"\xbcuvre\xa4"),
    ("Jérôme^Люк", "ISO 2022 IR 100\\ISO 2022 IR 144", b"J\xe9r\xf4me^\x1b-L\xbb\xee\xda"),
]


@pytest.mark.parametrize(("name", "character_set", "raw"), EXAMPLES)
def test_the_examples_of_the_standard_are_read(name: str, character_set: str, raw: bytes) -> None:
    assert decode(raw, character_set, "PN") == (name, True)


@pytest.mark.parametrize("character_set", NAMES)
def test_names_written_by_a_library_are_read(character_set: str, tmp_path: Path) -> None:
    path = tmp_path / "name.dcm"
    path.write_bytes(to_bytes(instance(charset=character_set)))
    for header in (read_header(read_framing(memoryview(path.read_bytes()))), scan(path)):
        assert header is not None
        assert header.patient_name == NAMES[character_set] and not header.uncertain_text


@pytest.mark.parametrize(("raw", "character_set"), [
    (b"M\xfcller", ""),                     # no character set named
    (b"M\xc3\xbcller", ""),                 # the same in UTF-8
    (b"M\xfcller", "ISO_IR 6"),             # only ASCII allowed
    (b"M\xfcller", "ISO_IR 192"),           # no UTF-8
    (b"M\xfcller", "LATIN1"),               # an unknown term
    (b"M\x81\x82", "ISO_IR 100"),           # control codes of Windows-1252
    (b"\xff\xff\xff", "GB18030"),
    (b"\xd1", "ISO_IR 126\\unknown"),
    (b"\x1b$B;3ED\x1b(B", ""),              # escapes that were not declared
    (b"\x1b$B;3ED\x1b(B", "ISO_IR 100"),
    (b"\x1b$B;3ED\x1b(B", "\\ISO 2022 IR 149"),
    (b"\x1b-!abc", "\\ISO 2022 IR 87"),     # an escape that does not exist
    (b"\x1b$B;3E", "\\ISO 2022 IR 87"),     # half a character
    (b"\xc4\xe4", "\\ISO 2022 IR 87"),      # nothing in G1
])
def test_what_no_character_set_explains_is_uncertain(raw: bytes, character_set: str) -> None:
    text, certain = decode(raw, character_set, "PN")
    assert text and not certain


def test_plain_letters_are_certain_in_every_character_set() -> None:
    for character_set in ("", "ISO_IR 192", "nonsense", "\\ISO 2022 IR 87"):
        assert decode(b"Doe^John ", character_set, "PN") == ("Doe^John", True)


def test_a_second_byte_that_looks_like_a_backslash_is_no_separator() -> None:
    raw = "俓^珅".encode("gb18030")
    assert b"\\" in raw
    assert decode(raw, "GB18030", "PN") == ("俓^珅", True)
    yen = b"\x1b$B\x21\x5c\x1b(B"  # JIS X 0208 with 0x5C as its second byte
    assert decode(yen, "\\ISO 2022 IR 87", "LO") == ("＋", True)


def test_after_a_delimiter_the_first_character_set_counts_again() -> None:
    raw = b"\x1b$)C\xb1\xe8\\abc"
    assert decode(raw, "\\ISO 2022 IR 149", "LO") == ("김\\abc", True)
    text, certain = decode(b"\x1b$)C\xb1\xe8^\xb1\xe8", "\\ISO 2022 IR 149", "PN")
    assert text.startswith("김^") and not certain  # the second one lacks its escape sequence


def test_spelling_variants_of_terms_are_understood() -> None:
    for term in ("ISO IR 100", "ISO-IR 100", "ISO_IR_100", "iso_ir 100", "ISO_IR100"):
        assert decode(b"\xe9", term, "LO") == ("é", True)


def test_non_text_values_with_foreign_bytes_are_uncertain() -> None:
    assert decode(b"C\xd6", "ISO_IR 100", "CS")[1] is False


def test_padding_is_stripped_but_not_the_indent_of_long_text() -> None:
    assert decode(b" A \0", "", "LO") == ("A", True)
    assert decode(b"  A ", "", "LT") == ("  A", True)


@given(st.binary(max_size=60), st.sampled_from(
    ["", "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO 2022 IR 13\\ISO 2022 IR 87",
     "\\ISO 2022 IR 149", "\\ISO 2022 IR 58\\ISO 2022 IR 159", "x\\y", "ISO_IR 999"]),
       st.sampled_from(["PN", "LO", "UT", "CS"]))
def test_any_bytes_decode_to_text_that_can_be_stored(raw: bytes, character_set: str,
                                                     vr: str) -> None:
    text, _ = decode(raw, character_set, vr)
    text.encode("utf-8")
    display(text).encode("utf-8")


@given(st.text(max_size=30))
def test_certain_text_is_what_was_written(text: str) -> None:
    back, certain = decode(text.encode("utf-8"), "ISO_IR 192", "UT")
    assert back == text.rstrip(" \0")
    assert certain or "\x1b" in text


@pytest.mark.parametrize(("raw", "normal"), [
    ("Doe^John^^^", "Doe^John"), (" Doe ^ John ", "Doe^John"), ("Doe^John==", "Doe^John"),
    ("Wang^XiaoDong=王^小東=", "Wang^XiaoDong=王^小東"), ("=^=", ""), ("", ""),
    ("^John", "^John"), ("A^^B", "A^^B")])
def test_names_have_one_normal_form(raw: str, normal: str) -> None:
    assert normal_name(raw) == normal and normal_name(normal) == normal


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert display("Doe\0^Jo\x1bhn\n\x7f") == "Doe␀^Jo␛hn␊␡"
    assert display("a\u202eb\u2066c\u200bd\ufeff") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩d⟨U+FEFF⟩"
    assert display("x" * 5000) == "x" * 3000 + "…"
    assert display("שרון^דבורה") == "שרון^דבורה" and not has_hidden("山田^太郎")
    assert has_hidden("a\u202eb") and has_hidden("a\0b")
