"""Names on labels: from right to left, joined, in several scripts at once, and what no font has."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest

from mediasvc.report.right_to_left import joined, visual

WORDS = ("abc", "Müller", "שלום", "דבורה", "محمد", "علي", "قباني", "سلام", "لا", "12", "A1")
BETWEEN = (" ", ", ", " (", ") ", " - ")


@pytest.mark.parametrize(("text", "drawn"), [
    ("Müller, Ann", "Müller, Ann"),
    ("שרון, דבורה", "הרובד ,ןורש"),
    ("ID 100231, שרון", "ID 100231, ןורש"),
    ("שרון (Sharon) 1950-01-01", "1950-01-01 (Sharon) ןורש"),
    ("abc (שלום) 12", "abc (םולש) 12"),
    ("שָׁלוֹם", "םוֹלשָׁ"),  # marks stay with their letter
])
def test_a_line_is_drawn_as_it_is_read(text: str, drawn: str) -> None:
    assert visual(text) == drawn


def test_arabic_letters_join_as_their_neighbours_let_them() -> None:
    assert joined("محمد") == "\ufee3\ufea4\ufee4\ufeaa"
    assert joined("سلام") == "\ufeb3\ufefc\ufee1"  # lam and alef are one
    assert joined("دار") == "\ufea9\ufe8d\ufead"  # none of them reaches on
    assert joined("محمد", lambda sign: sign < "\ufe70") == "محمد"  # a font without the forms


def test_lines_are_as_another_program_draws_them() -> None:
    if not shutil.which("fribidi"):
        pytest.skip("fribidi is not installed")
    chance = random.Random(5)
    texts = ["".join(chance.choice(WORDS) + chance.choice(BETWEEN)
                     for _ in range(chance.randint(1, 5))) + chance.choice(WORDS)
             for _ in range(2000)]
    said = subprocess.run(["fribidi", "--nopad", "--nobreak", "--clean", "--charset", "UTF-8"],
                          input="\n".join(texts) + "\n", capture_output=True, text=True, check=True)
    assert [visual(text) for text in texts] == said.stdout.split("\n")[:len(texts)]


def test_each_letter_is_drawn_by_a_font_that_has_it_and_the_others_are_told() -> None:
    pytest.importorskip("reportlab")
    from mediasvc.report.label_fonts import LabelFonts

    fonts = LabelFonts()
    assert [run.text for run in fonts.runs("Müller, 太郎")] == ["Müller, ", "太郎"]
    assert [run.text for run in fonts.runs("김, 희중")] == ["김, 희중"]
    assert fonts.borrowed == {"HeiseiKakuGo-W5", "HYGothic-Medium"} and not fonts.missing
    assert "".join(run.text for run in fonts.runs("A\U0001f9ff B")) == "A? B"
    assert fonts.missing == {"\U0001f9ff"}
