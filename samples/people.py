"""Invented people: patient number → identity, in plain letters or in a chosen character set."""

from __future__ import annotations

from dataclasses import dataclass

FAMILY = ("Sample", "Specimen", "Mustermann", "Ejemplo", "Exempel", "Voorbeeld", "Esempio")
GIVEN = ("Alma", "Bruno", "Clara", "David", "Elena", "Felix", "Greta", "Henry", "Irene")

#: Specific Character Set → a name that needs it (PS3.3 C.12.1.1.2).
NAMES = {
    "": "Plain^Ascii",
    "ISO_IR 100": "Müßter^Jörg",
    "ISO_IR 101": "Wałęga^Łucja",
    "ISO_IR 109": "Ħobż^Ġorġ",
    "ISO_IR 110": "Šķēle^Ģirts",
    "ISO_IR 144": "Пробный^Пётр",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 126": "Δοκιμή^Ελένη",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 148": "Çavuşoğlu^Işıl",
    "ISO_IR 166": "ทดสอบ^สมชาย",
    "ISO_IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
    "ISO_IR 192": "Wang^XiaoDong=王^小東=Ван^Сяодун",
    "GB18030": "Wang^XiaoDong=王^小东",
}


@dataclass(frozen=True)
class Person:
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    specific_character_set: str


def person(number: int, charset: str | None = None) -> Person:
    """Everything follows from the number; ``charset`` picks a name of `NAMES` instead."""
    name = f"{FAMILY[number % len(FAMILY)]}^{GIVEN[number % len(GIVEN)]}^N{number}"
    return Person(
        patient_id=f"P{number:04d}",
        patient_name=name if charset is None else NAMES[charset],
        patient_birth_date=f"{1930 + number % 80}{1 + number % 12:02d}{1 + number % 28:02d}",
        patient_sex="FMO"[number % 3] if number % 7 == 0 else "MF"[number % 2],
        specific_character_set="ISO_IR 100" if charset is None else charset,
    )
