"""HL7 v2 messages: taken apart as the standard says, and never trusted further."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasvc.identity.adt import Feed, read_envelope, read_event
from mediasvc.identity.hl7 import RefusedError, looks_like_hl7, parse, split_messages
from mediasvc.model import PatientKey
from tests.hl7_things import FEED, NOW, event, message


def refused(data: bytes, feed: Feed = FEED) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        read_event(data, feed, NOW)
    return caught.value.code, caught.value.answer


def test_a_whole_message_becomes_an_event() -> None:
    found = event(message(
        "A08", pid="100^^^HOSP^MR~77^^^NAT&1.2.3&ISO^NI", after_sex="|||7 Long St^Flat 2^Town^^8001"
        "^CH^H||044 123 45^PRN", at="20240101130000+0100"))
    assert found.kind == "update" and found.key == PatientKey("100", "HOSP")
    assert found.others == (PatientKey("77", "NAT"),)
    assert found.at == "2024-01-01T12:00:00.000000Z"
    who = found.demographics
    assert (who.patient_name, who.patient_birth_date, who.patient_sex) == (
        "Doe^John", "19800102", "M")
    assert (who.address, who.postcode, who.phone) == ("7 Long St, Flat 2, Town", "8001",
                                                      "044 123 45")
    assert found.envelope.sender == "HIS|CLINIC" and not found.notes


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_may_end_in_any_way(end: str) -> None:
    assert event(message("A04", end=end)).demographics.patient_name == "Doe^John"


@pytest.mark.parametrize(("raw", "text"), [
    (r"Doe\T\Co", "Doe&Co"), (r"a\F\b", "a|b"), (r"a\R\b", "a~b"), (r"a\X41\\X42\b", "aABb"),
    (r"a\X4142\b", "aABb"), (r"a\XC3\\X9F\b", "aßb"), (r"a\.br\b", "a b"), (r"\H\a\N\b", "ab"),
    (r"a\S\b", "a b"), (r"a\E\b", "a b"), (r"a\X0D\b", "a b"), (r"a=b", "a b")])
def test_escapes_are_undone_and_harmless_in_a_name(raw: str, text: str) -> None:
    data = message("A08", name=f"{raw}^John", charset="UNICODE UTF-8", after_sex="|||ä")
    assert event(data).demographics.patient_name == f"{text}^John"


@pytest.mark.parametrize("raw", [r"a\Cxx\b", r"a\Zfoo\b", r"a\XC3\b", r"a\X1\b"])
def test_an_escape_that_is_not_understood_is_not_guessed(raw: str) -> None:
    assert refused(message("A08", name=raw, charset="UNICODE UTF-8", after_sex="|||ä")) == (
        "unreadable-text", "AE")


JAPANESE = ("Yamada^Tarou^^^^^L^A~", "山田^太郎^^^^^L^I~", "やまだ^たろう^^^^^L^P")
NAME = "Yamada^Tarou=山田^太郎=やまだ^たろう"


@pytest.mark.parametrize(("charset", "codec"), [
    ("~ISO IR87", "iso2022_jp"), ("ASCII~ISO IR87", "iso2022_jp"), ("UNICODE UTF-8", "utf_8"),
    ("GB 18030-2000", "gb18030"), ("ISO IR6~ISO IR87~ISO IR159", "iso2022_jp_1")])
def test_a_japanese_name_has_its_three_groups(charset: str, codec: str) -> None:
    data = message("A08", name="@", charset=charset).replace(b"@", "".join(JAPANESE).encode(codec))
    assert event(data).demographics.patient_name == NAME


def test_delimiters_inside_of_two_byte_characters_are_no_delimiters() -> None:
    """The second byte of 倶 (JIS 0x365C) is a backslash, that of 閤 (0x395E) a caret …"""
    for name in ("倶^閤", "弌^亂", "坂^榎", "鵜^鰯"):
        raw = name.encode("iso2022_jp")
        data = message("A08", name="@", charset="~ISO IR87").replace(b"@", raw)
        assert event(data).demographics.patient_name == name


@pytest.mark.parametrize(("charset", "codec", "name"), [
    ("8859/1", "latin_1", "Müller^Jörg"), ("8859/2", "iso8859_2", "Dvořák^Jiří"),
    ("8859/5", "iso8859_5", "Иванов^Пётр"), ("8859/7", "iso8859_7", "Παπάς^Νίκος"),
    ("8859/15", "iso8859_15", "Œuvre^Zoë"), ("KS X 1001", "euc_kr", "김^희중"),
    ("8859/1", "ascii", "Plain^Jane"), ("no such set", "ascii", "Plain^Jane")])
def test_names_in_the_character_sets_of_europe_and_korea(charset: str, codec: str,
                                                         name: str) -> None:
    data = message("A08", name="@", charset=charset).replace(b"@", name.encode(codec))
    assert event(data).demographics.patient_name == name


def test_text_without_a_named_character_set() -> None:
    utf8 = event(message("A08", name="Müller"))
    assert utf8.demographics.patient_name == "Müller"
    assert [code for code, _ in utf8.notes] == ["character-set-assumed"]
    latin = message("A08", name="@").replace(b"@", "Müller".encode("latin_1"))
    assert refused(latin) == ("character-set", "AE")
    told = event(latin, Feed("HOSP", character_set="8859/1"))
    assert told.demographics.patient_name == "Müller"
    wrong = message("A08", name="@", charset="UNICODE UTF-8").replace(b"@", b"M\xfcller")
    assert refused(wrong) == ("unreadable-text", "AE")
    assert refused(message("A08", name="é", charset="martian")) == ("character-set", "AE")


def test_the_legal_name_is_taken_and_aliases_are_not() -> None:
    name = "Spy^The^^^^^A~Doe^John^Q^Jr^Dr^MD^L~Smith^^^^^^M"
    assert event(message("A08", name=name)).demographics.patient_name == "Doe^John^Q^Dr^Jr MD"
    family = "de Haas&de&Haas&van&Houten^Anna"
    assert event(message("A08", name=family)).demographics.patient_name == "de Haas^Anna"


def test_an_empty_field_says_nothing_and_two_quotes_remove() -> None:
    found = event(message("A08", name="", born='""', sex=""))
    assert found.unsaid == {"patient_name", "patient_sex", "address", "postcode", "phone"}
    assert found.demographics.patient_birth_date == ""


@pytest.mark.parametrize(("pid", "key"), [
    ("1^^^OTHER~2^^^HOSP^MR", "2@HOSP"), ("9^^^HOSP^SS~2^^^HOSP^MR", "2@HOSP"),
    ("1^^^&1.2.3&ISO", "1@1.2.3"), ("UNKNOWN^^^HOSP~3^^^OTHER", "3@OTHER"),
    ("1^^^OTHER^PI~2^^^OTHER^MR", "2@OTHER")])
def test_the_sites_own_number_is_the_key(pid: str, key: str) -> None:
    assert str(event(message("A04", pid=pid)).key) == key


def test_an_identifier_without_its_authority_is_nobodys_unless_the_site_says_so() -> None:
    assert refused(message("A04", pid="100")) == ("no-identifier", "AE")
    assert event(message("A04", pid="100"), Feed("HOSP", issuer="HOSP")).key == PatientKey(
        "100", "HOSP")
    assert refused(message("A04", pid="0^^^HOSP")) == ("no-identifier", "AE")
    assert refused(message("A04", pid="a\\E\\b^^^HOSP")) == ("identifier", "AE")
    assert refused(message("A04", pid="7a" * 33 + "^^^HOSP")) == ("identifier", "AE")


def test_a_merge_names_survivor_and_prior() -> None:
    found = event(message("A40", pid="200^^^HOSP", mrg="100^^^HOSP~5^^^NAT"))
    assert (found.kind, found.key, found.priors) == (
        "merge", PatientKey("200", "HOSP"), (PatientKey("100", "HOSP"),))


@pytest.mark.parametrize(("data", "code"), [
    (message("A40"), "segment-missing"), (message("A08", pid2="2^^^HOSP"), "several-patients"),
    (message("A40", mrg="1^^^HOSP", again="MRG|2^^^HOSP"), "several-patients"),
    (message("A08") + message("A08"), "several-messages"),
    (message("A08", name="Doe\rPID|2||666^^^HOSP"), "several-patients"),
    (message("A08", name="Doe\r^rest"), "no-segment"),
    (message("A08", name="Doe\rMSH|^~\\&|EVIL"), "several-messages"),
    (b"PID|1||100^^^HOSP\r", "no-header"), (b"", "no-header"), (b"MSH|", "no-header"),
    (b"MSH|^^^^|HIS|H|||20240101||ADT^A08|1|P|2.5\r", "delimiters"),
    (b"MSH|^~\\&|HIS|H|||20240101||ADT^A08|1|P|2.5\r", "segment-missing"),
    (message("A08", kind="ORU"), "not-adt"), (message("A43"), "event-unsupported"),
    (message("A08", at=""), "no-time"), (message("A08", at="20241399"), "no-time"),
    (message("A37"), "several-patients"), (b"\x0b" + message("A08"), "frame-inside")])
def test_what_is_not_one_proper_message_is_rejected(data: bytes, code: str) -> None:
    found, answer = refused(data)
    assert answer == "AR"
    assert found == code or (found, code) == ("segment-missing", "several-patients")


def test_a_clock_that_runs_ahead_does_not_make_all_others_old() -> None:
    assert refused(message("A08", at="20300101")) == ("future", "AE")


def test_events_that_say_nothing_of_identity_are_passed_over() -> None:
    assert read_event(message("A03"), FEED, NOW) is None


def test_other_delimiters_are_fine() -> None:
    data = (b"MSH@*~\\&@HIS@H@@@20240101@@ADT*A08@1@P@2.5\rEVN@@20240101\r"
            b"PID@1@@100*4^*x*HOSP@@Doe|Smith*John@@19800102@M\r")
    found = event(data)
    assert found.key == PatientKey("100", "HOSP")
    assert found.demographics.patient_name == "Doe|Smith*John".replace("*", "^")


def test_files_hold_one_or_many_messages_framed_or_not() -> None:
    one, two = message("A04"), message("A08")
    batch = (b"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r" + one + b"BTS|1\rBHS|^~\\&|HIS\r" + two
             + b"BTS|1\rFTS|2\r")
    framed = b"".join(b"\x0b" + data + b"\x1c\r" for data in (one, two))
    for data in (one + two, b"\xef\xbb\xbf" + one + b"\r\n\r\n" + two, batch, framed,
                 framed.replace(b"\x1c\r", b"\x1c\r\n")):
        assert looks_like_hl7(data[:64])
        found = [part for part in split_messages(data) if part.data.startswith(b"MSH")]
        assert [read_envelope(part.data).trigger for part in found] == ["A04", "A08"]
        assert all(read_event(part.data, FEED, NOW) for part in found)
    assert [part.line for part in split_messages(one + two)] == [1, 4]
    cut = list(split_messages(framed[:-10]))
    assert [part.whole for part in cut] == [True, False]
    assert not list(split_messages(b" \r\n"))


def test_a_last_line_that_is_open_is_odd() -> None:
    assert [code for code, _ in event(message("A08").rstrip(b"\r")).notes] == ["last-line-open"]


def test_texts_of_refusals_do_not_quote_the_message() -> None:
    for data in (message("A08", name="CANARY" * 20), message("A08", pid="CANARY"),
                 message("A40", pid="CANARY^^^HOSP"), message("A08", name="CANARY\rCANARY|")):
        with pytest.raises(RefusedError) as caught:
            read_event(data, FEED, NOW)
        assert "CANARY" not in str(caught.value)


SEEDS = (b"\r", b"\n", b"|", b"^", b"~", b"\\", b"&", b"MSH|", b"PID|", b"MRG|", b"\x0b", b"\x1c\r",
         b"\x1b$B", b"\x1b(B", b"\xff", b"\\X", b"\\X0D\\", b"\x00", b'""', b"^^^", b"2024", b"EVN")


def mutant(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at = dice.randint(0, len(changed))
        match dice.randrange(5):
            case 0:
                changed[at:at] = dice.choice(SEEDS)
            case 1:
                del changed[at:at + dice.randint(1, 30)]
            case 2 if at < len(changed):
                changed[at] = dice.randrange(256)
            case 3:
                other = dice.randint(0, len(changed))
                changed[at:at] = changed[other:other + dice.randint(1, 60)]
            case _:
                if dice.random() < 0.2:
                    del changed[at:]
    return bytes(changed)


SOURCES = (message("A08", pid="100^^^HOSP^MR~7^^^NAT", after_sex="|||1 Way^^Town^^8001||044"),
           message("A40", mrg="200^^^HOSP"), message("A37", pid2="200^^^HOSP"),
           message("A08", name="".join(JAPANESE), charset="UNICODE UTF-8"),
           message("A47", name="@", charset="~ISO IR87", mrg="3^^^HOSP").replace(
               b"@", "山田^太郎".encode("iso2022_jp")))


def test_ten_thousand_mutants_are_events_or_refused_with_words() -> None:
    dice = random.Random(7)
    taken = 0
    for _ in range(10_000):
        data = mutant(dice.choice(SOURCES), dice)
        read_envelope(data)
        list(split_messages(data))
        try:
            found = read_event(data, FEED, NOW)
        except RefusedError as error:
            assert error.text and error.answer in ("AR", "AE")
        else:
            taken += found is not None
    assert 1000 < taken < 9000


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    for head in (b"", b"MSH|^~\\&|", b"MSH|^~\\&|H|H|||20240101||ADT^A08|1|P|2.5\rPID|1||"):
        try:
            parse(head + data)
            read_event(head + data, FEED, NOW)
        except RefusedError:
            pass
