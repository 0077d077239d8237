"""Names in many scripts and spellings, brought into one form, never into another person's."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediasvc.identity.keys import blocking_keys
from mediasvc.identity.names import (
    normal,
    parse_name,
    phonetic_code,
    same_name,
    sounding,
)
from mediasvc.identity.placeholders import is_placeholder

ANY_NAME = st.text(alphabet=st.one_of(
    st.characters(exclude_categories=("Cs",)), st.sampled_from("^=, '-.ÄöüßéяΩやヤ山田")),
    max_size=40)


@pytest.mark.parametrize(("a", "b"), [
    ("Doe^John", "DOE^JOHN"), ("Doe^John", "Doe ^ John ^^^"), ("Doe^John", "Doe, John"),
    ("Doe^John^^Dr.", "Doe^John"), ("Dr. Doe^John", "Doe^John"), ("Doe^John^^^Jr", "Doe^John"),
    ("O'Brien^Seán", "OBRIEN^SEAN"), ("Müller^Jörg", "MUELLER^JOERG"), ("Müller^A", "Muller^A"),
    ("Strauß^A", "STRAUSS^A"), ("Meyer-Schulz^Eva", "Meyer Schulz^Eva"),
    ("van der Berg^Jan", "Vanderberg^Jan"), ("Doe^John^Adam", "Doe^John"),
    ("Doe^John^A.", "Doe^John^Adam"), ("Łukasz^Żak", "Lukasz^Zak"),
    ("Иванов^Игорь", "Ivanov^Igor"), ("Διονυσιος^Α", "Dionysios^A"),
    ("ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダ^タロウ"), ("やまだ^たろう", "ヤマダ^タロウ"),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "YAMADA^TAROU=山田^太郎"),
    ("Yamada^Tarou=山田^太郎", "山田^太郎"), ("JOHN DOE", "DOE JOHN"), ("DOE JOHN", "Doe^John"),
    ("Hong^Gildong=洪^吉洞=홍^길동", "HONG^GILDONG=洪^吉洞=홍^길동")])
def test_the_same_name_written_differently_is_the_same(a: str, b: str) -> None:
    assert same_name(a, b) and same_name(b, a)


@pytest.mark.parametrize(("a", "b"), [
    ("Doe^John", "Doe^Jane"), ("Doe^John", "John^Doe"), ("Doe^John", "Doe^Jon"),
    ("Doe^John", "Doe"), ("Doe^John", ""), ("", ""), ("Doe^John^Adam", "Doe^John^Ben"),
    ("Doe^John^A", "Doe^John^B"), ("Yamada^Tarou=山田^太郎", "Yamada^Tarou=山田^次郎"),
    ("Yamada^Tarou", "=山田^太郎"), ("Doe^Anna", "Doe^Anne"), ("DOE JOHN", "DOE JANE"),
    ("山田^太郎", "ShanTian^TaiLang"), ("Meyer^A", "Meier^A")])
def test_different_names_are_never_the_same(a: str, b: str) -> None:
    assert not same_name(a, b) and not same_name(b, a)


def test_groups_are_kept_apart_and_kanji_are_never_romanised() -> None:
    name = parse_name("Yamada^Tarou=山田^太郎=やまだ^たろう")
    assert (name.alphabetic.family, name.alphabetic.given) == ("yamada", "tarou")
    assert (name.ideographic.family, name.ideographic.given) == ("山田", "太郎")
    assert (name.phonetic.family, name.phonetic.given) == ("yamada", "tarou")


def test_a_name_in_han_characters_alone_is_ideographic() -> None:
    name = parse_name("山田^太郎")
    assert not name.alphabetic and name.ideographic.family == "山田"


def test_small_kana_are_read_with_the_one_before() -> None:
    assert normal("じゅん しゅうじ きょうこ ｼｭﾝ") == "jun shuuji kyouko shun"


def test_a_title_alone_is_a_name() -> None:
    assert parse_name("Herr").alphabetic.family == "herr"


@pytest.mark.parametrize(("a", "b"), [
    ("meyer", "meier"), ("schmidt", "schmitt"), ("tarou", "taro"), ("philip", "filip"),
    ("satoh", "sato"), ("muller", "mueller"), ("syouko", "shoko"), ("tuji", "tsuji")])
def test_spellings_that_sound_alike_fold_together(a: str, b: str) -> None:
    assert sounding(a) == sounding(b) and phonetic_code(a) == phonetic_code(b)


def test_a_typing_error_keeps_a_key_in_common() -> None:
    right = set(blocking_keys("Heidrich^Samuel", "19710525", "3053", "7 McGivern Crescent"))
    for wrong in ("Heidrich^Samujl", "Hiedrich^Samuel", "Samuel^Heidrich", "Heidrich^Sam",
                  "Haidrich^Samuel"):
        assert {key for key in blocking_keys(wrong, "19710525") if key[0] != "w"} & right
    assert set(blocking_keys("Smith^Ann", "", "", "7 Mcgivern Cresent")) & right


@given(ANY_NAME)
@example("İ^ß")
@example("\u0345^\u0130\u0307")
@example("ｶﾞ=가=ㄱ")
def test_any_text_has_a_normal_form_that_is_stable(text: str) -> None:
    once = normal(text)
    assert normal(once) == once
    assert once == " ".join(once.split())
    for parts in parse_name(text).groups:
        assert "^" not in "".join(parts.words) and "=" not in "".join(parts.words)


@given(ANY_NAME, ANY_NAME)
def test_comparing_is_symmetric_and_reflexive(a: str, b: str) -> None:
    assert same_name(a, b) == same_name(b, a)
    if parse_name(a):
        assert same_name(a, a)


@given(ANY_NAME, st.text(max_size=10))
def test_keys_of_any_name_are_never_empty_text(name: str, extra: str) -> None:
    for kind, key in blocking_keys(name, "19800102", extra, extra):
        assert kind in "wpbdxycas" and key and key != "|"


@pytest.mark.parametrize("nobody", [
    "", " ", "0", "000000", "UNKNOWN", "unknown", "Anonymous", "ANONYMIZED", "NONE", "N/A", "n.a.",
    "TEST", "Test-Patient", "XXXX", "xx", "9999", "999999999", "----", "NULL", "No ID", "PHANTOM",
    "(null)", "?", "Unbekannt", "Patient ID"])
def test_placeholders_are_nobody(nobody: str) -> None:
    assert is_placeholder(nobody)


@pytest.mark.parametrize("somebody", [
    "1", "99", "100", "12345", "77654033", "A0", "X1", "TEST-17", "900", "ANON7", "P0001", "山田"])
def test_real_ids_are_somebody(somebody: str) -> None:
    assert not is_placeholder(somebody)


@pytest.mark.parametrize(("stored", "asked"), [
    ("29 Stacy Street", "29 Stacy Road"), ("42 Barritt Street", "14 Barritt Street"),
    ("6 Nunkeri Lhotsky Street", "6 Lhotsky Street Nunkeri"), ("Coane Street 8", "Coane Street"),
    ("Hauptstraße 7", "Hauptstrasse 7")])
def test_address_alone_finds_somebody_whose_name_and_date_changed(stored: str, asked: str) -> None:
    before = blocking_keys("Lodge^Gillian", "19000626", "2765", stored)
    after = blocking_keys("Adele^Ann", "19041015", "2675", asked)
    assert set(before) & set(after)
