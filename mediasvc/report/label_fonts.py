"""Which font draws which letters of a line, from left to right (needs reportlab).

A line is drawn in runs: by one font that has all of it, or each letter by the font of the letter
before it, or by the first that has it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.report.right_to_left import visual

#: Where the fonts of other libraries and systems lie that know more than Latin letters; the second
#: row has what most of the first have not.
SANS = ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "/usr/share/fonts/dejavu/DejaVuSans.ttf", "/Library/Fonts/Arial Unicode.ttf",
        "C:/Windows/Fonts/arial.ttf")
MORE = ("/usr/share/fonts/truetype/noto/NotoSansThai-Regular.ttf",
        "/usr/share/fonts/truetype/tlwg/Garuda.ttf", "C:/Windows/Fonts/tahoma.ttf",
        "/usr/share/fonts/truetype/unifont/unifont.ttf")
#: Fonts that PDF readers bring, and the national character set that each surely has.
FAR_EASTERN = {"HeiseiKakuGo-W5": "shift_jis", "STSong-Light": "gb2312",
               "HYGothic-Medium": "euc_kr", "MSung-Light": "big5"}
UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Run:
    font: str
    text: str


class LabelFonts:
    """``borrowed``: fonts that are not in the PDF, so that its reader must have them; ``missing``:
    letters that were asked for and that no font has."""

    def __init__(self) -> None:
        self._fonts = list(_fonts())
        self.borrowed: set[str] = set()
        self.missing: set[str] = set()

    def runs(self, text: str) -> list[Run]:
        """``text`` as it is drawn; what no font has becomes a question mark."""
        text = "".join(sign if sign.isprintable() else " " for sign in text)
        text = visual(text, lambda sign: self._font(sign, "") != "")
        whole = next((name for name, letters in self._fonts
                      if all(ord(sign) in letters for sign in text)), "")
        if whole:
            return [self._noted(whole, text)]
        runs: list[Run] = []
        for sign in text:
            last = runs[-1].font if runs else ""
            font = self._font(sign, last)
            if not font:
                self.missing.add(sign)
                font, sign = last or self._fonts[0][0], UNKNOWN
            if font == last:
                runs[-1] = Run(font, runs[-1].text + sign)
            else:
                runs.append(self._noted(font, sign))
        return runs

    def _font(self, sign: str, last: str) -> str:
        """``last`` where it has the letter, otherwise the first that has; empty: none."""
        having = [name for name, letters in self._fonts if ord(sign) in letters]
        return last if last in having else next(iter(having), "")

    def _noted(self, font: str, text: str) -> Run:
        if font in FAR_EASTERN:
            self.borrowed.add(font)
        return Run(font, text)


def _fonts() -> Iterator[tuple[str, frozenset[int]]]:
    """(name, code points that it has), the plainest first."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    yield "Helvetica", frozenset((*range(32, 127), *range(160, 256)))
    for name, paths in (("MediasvcSans", (*_from_matplotlib(), *map(Path, SANS))),
                        ("MediasvcMore", tuple(map(Path, MORE)))):
        font = next(filter(None, (_true_type(name, path) for path in paths)), None)
        if font is not None:
            pdfmetrics.registerFont(font)
            yield name, frozenset(font.face.charToGlyph)
    for name, encoding in FAR_EASTERN.items():
        pdfmetrics.registerFont(UnicodeCIDFont(name))
        yield name, _letters(encoding)


def _true_type(name: str, path: Path) -> Any:
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    if not path.is_file():
        return None
    try:
        return TTFont(name, str(path))
    except TTFError:
        return None


def _letters(encoding: str) -> frozenset[int]:
    """What a Far Eastern font surely has: the letters of its national character set."""
    return frozenset(number for number in (*range(32, 127), *range(0x3000, 0x3100),
                                           *range(0x4E00, 0xA000), *range(0xAC00, 0xD7A4))
                     if _has(chr(number), encoding))


def _has(sign: str, encoding: str) -> bool:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _from_matplotlib() -> list[Path]:
    """The same extra brings a font with Greek, Cyrillic and more."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or not found.origin:
        return []
    return [Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"]
