"""The label of a disc and the insert of its jewel case as PDF in real size (needs reportlab).

A text that has no room is made smaller, then stands on two lines, and is cut before nobody can read
it; what no font at hand can draw becomes a question mark, and that is told.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mediasvc.errors import SettingsError
from mediasvc.report.label_fonts import LabelFonts, Run
from mediasvc.work.handing_out.label_facts import LabelFacts, LabelStudy

Kind = Literal["disc", "case"]
MM = 72 / 25.4
#: A disc and the part of it that can be printed: between hub and rim.
OUTER, INNER = 116 / 2, 46 / 2
#: The front of a jewel case.
CASE = 120
MARGIN = 8
#: No text is made smaller than the second, but what is meant to be.
LARGEST, SMALLEST = 13.0, 7.0
#: So much smaller a text may become before it takes two lines.
SMALLER = 0.75
LEADING = 1.25
#: Letters: more have no room in two lines at the smallest size.
LONGEST = 300
#: Between lines of a case.
GAP = ("", 6.0)
#: How wide a disc is at least where something is written on it.
NARROW = 80.0
CONFIDENTIAL = "Confidential medical data"


@dataclass(frozen=True, slots=True)
class Label:
    """``borrowed``: fonts that are not in the PDF, so that its reader must have them; ``missing``:
    letters that stand as question marks."""

    pdf: bytes
    borrowed: tuple[str, ...]
    missing: tuple[str, ...] = ()


def draw_label(facts: LabelFacts, kind: Kind) -> Label:
    """One page; the same facts give the same bytes. Raises SettingsError without reportlab."""
    try:
        from reportlab.pdfgen.canvas import Canvas
    except ImportError as error:
        raise SettingsError("Labels need reportlab.", "pip install mediasvc[report]") from error
    sink = io.BytesIO()
    size = 2 * OUTER + 4 if kind == "disc" else CASE
    canvas = Canvas(sink, pagesize=(size * MM, size * MM), invariant=1)
    canvas.setTitle("Disc label" if kind == "disc" else "Case insert")
    pen = _Pen(canvas, size)
    (_disc if kind == "disc" else _case)(pen, facts)
    canvas.showPage()
    canvas.save()
    return Label(sink.getvalue(), tuple(sorted(pen.fonts.borrowed)),
                 tuple(sorted(pen.fonts.missing)))


def _disc(pen: _Pen, facts: LabelFacts) -> None:
    """Text above and below the hole; each line as wide as the disc is there."""
    pen.canvas.setLineWidth(0.3)
    for radius in (OUTER, INNER):
        pen.canvas.circle(pen.middle * MM, pen.middle * MM, radius * MM)
    born = f"born {facts.birth_date}" if facts.birth_date else ""
    who = ", ".join(filter(None, (facts.patient_id, born)))
    pen.ring([(facts.institution, 8), (facts.patient, 13), (who, 9)], above=True)
    pen.ring([(f"{facts.content}   {facts.created}", 9), (facts.part, 11),
              (f"for {facts.recipient}" if facts.recipient else "", 8),
              (facts.file_set_id, 7), (CONFIDENTIAL, 6)], above=False)


def _case(pen: _Pen, facts: LabelFacts) -> None:
    pen.block([(facts.institution, 10), (facts.contact, 7), GAP, (facts.patient, 13),
               (facts.patient_id, 9), (f"born {facts.birth_date}" if facts.birth_date else "", 9),
               (f"for {facts.recipient}" if facts.recipient else "", 9), GAP],
              _studies(facts.studies),
              [(f"{facts.content}   {facts.created}   {facts.part}".rstrip(), 9),
               (facts.file_set_id, 7), (CONFIDENTIAL, 6)])


def _studies(studies: Sequence[LabelStudy]) -> list[tuple[str, float]]:
    return [("   ".join(filter(None, (study.date, study.modalities, study.description))), 8)
            for study in studies]


Line = tuple[str, float]


class _Pen:
    """Writes lines on a square page of ``size`` millimetres."""

    def __init__(self, canvas: Any, size: float) -> None:
        self.canvas, self.size, self.middle = canvas, size, size / 2
        self.fonts = LabelFonts()

    def ring(self, lines: Iterable[Line], *, above: bool) -> None:
        """Centred lines between hub and rim, as large as fits; above or below the hub."""
        wanted = self._rows(lines, NARROW)
        height = sum(points * LEADING / MM for _, points in wanted)
        room = OUTER - INNER - 6
        factor = min(1.0, room / height) if height else 1.0
        at = INNER + 3 + height * factor if above else -(INNER + 3)
        for text, points in wanted:
            points *= factor
            at -= points * LEADING / MM
            edge = max(abs(at), abs(at + points / MM))
            width = 2 * math.sqrt(max(1.0, (OUTER - 2) ** 2 - edge ** 2))
            self._line(text, points, self.middle + at, width, centred=True)

    def block(self, head: Sequence[Line], body: Sequence[Line], foot: Sequence[Line]) -> None:
        """From the top; of ``body`` as many lines as there is room for, and how many are left."""
        width = self.size - 2 * MARGIN
        head, foot = self._rows(head, width), self._rows(foot, width)
        room = self.size - 2 * MARGIN - sum(points * LEADING / MM for _, points in (*head, *foot))
        fitting = max(1, int(room / (8 * LEADING / MM)))
        shown = list(body)
        if len(shown) > fitting:
            left = len(shown) - fitting + 1
            shown = [*shown[:fitting - 1], (f"and {left} more studies", 8)]
        at = self.size - MARGIN
        for text, points in (*head, *shown):
            at -= points * LEADING / MM
            self._line(text, points, at, width)
        at = MARGIN + sum(points * LEADING / MM for _, points in foot)
        for text, points in foot:
            at -= points * LEADING / MM
            self._line(text, points, at, width)

    def _rows(self, lines: Iterable[Line], width: float) -> list[Line]:
        """``lines`` without those that say nothing; a text too long for ``width`` on two."""
        found: list[Line] = []
        for text, points in lines:
            if not text and (text, points) != GAP:
                continue
            text = text[:LONGEST]
            less = max(points * SMALLER, min(points, SMALLEST))
            if self._width(self.fonts.runs(text), less) <= width or " " not in text.strip():
                found.append((text, points))
                continue
            places = [at for at, sign in enumerate(text) if sign == " "]
            middle = min(places, key=lambda at: abs(2 * at - len(text)))
            found += [(text[:middle].strip(), less), (text[middle:].strip(), less)]
        return found

    def _line(self, text: str, points: float, height: float, width: float, *,
              centred: bool = False) -> None:
        """``height`` of the baseline and ``width`` in millimetres."""
        points, text = min(points, LARGEST), text[:LONGEST]
        runs = self.fonts.runs(text)
        floor = min(points, SMALLEST)
        while points > floor and self._width(runs, points) > width:
            points = max(floor, points - 0.5)
        while len(text) > 4 and self._width(runs, points) > width:
            text = text.removesuffix("...")[:-1].rstrip() + "..."
            runs = self.fonts.runs(text)
        at = self.middle - self._width(runs, points) / 2 if centred else MARGIN
        for run in runs:
            self.canvas.setFont(run.font, points)
            self.canvas.drawString(at * MM, height * MM, run.text)
            at += self._width([run], points)

    def _width(self, runs: Iterable[Run], points: float) -> float:
        return sum(float(self.canvas.stringWidth(run.text, run.font, points))
                   for run in runs) / MM
