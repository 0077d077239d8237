"""Headings of written reports and the concepts that they stand for (PS3.16 CID 7001, 7002)."""

from __future__ import annotations

from dataclasses import dataclass

#: (value, scheme, meaning)
Code = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Heading:
    """Concept of the section, and of a paragraph in it."""

    section: Code
    text: Code


def _dcm(section: str, meaning: str, text: str, text_meaning: str) -> Heading:
    return Heading((section, "DCM", meaning), (text, "DCM", text_meaning))


#: A paragraph of no known heading (CID 7002 names no concept for it).
COMMENT: Code = ("121106", "DCM", "Comment")
#: The whole text, where nobody says what it is.
NOTE: Code = ("34109-9", "LN", "Note")
LANGUAGE: Code = ("121049", "DCM", "Language of Content Item and Descendants")
#: The heading as it was written (TID 1210).
EQUIVALENT: Code = ("121050", "DCM", "Equivalent Meaning of Concept Name")
OTHER = Heading(COMMENT, COMMENT)

FINDINGS = _dcm("121070", "Findings", "121071", "Finding")
IMPRESSIONS = _dcm("121072", "Impressions", "121073", "Impression")
HISTORY = _dcm("121060", "History", "121060", "History")
RECOMMENDATIONS = _dcm("121074", "Recommendations", "121075", "Recommendation")
CONCLUSIONS = _dcm("121076", "Conclusions", "121077", "Conclusion")
REQUEST = _dcm("121062", "Request", "121062", "Request")
PROCEDURE = _dcm("121064", "Current Procedure Descriptions", "121065", "Procedure Description")
PRIOR = _dcm("121066", "Prior Procedure Descriptions", "121065", "Procedure Description")
INDICATIONS = _dcm("121109", "Indications for Procedure", "121109", "Indications for Procedure")
COMPLICATIONS = _dcm("121113", "Complications", "121113", "Complications")
SUMMARY = _dcm("121111", "Summary", "121111", "Summary")

#: Words of a heading, without colon and in lower case.
WORDS: dict[str, Heading] = {word: heading for heading, words in {
    FINDINGS: "findings finding befund befunde résultats résultat hallazgos reperti bevindingen "
              "fynd fund achados",
    IMPRESSIONS: "impression impressions beurteilung impresión conclusie",
    HISTORY: "history anamnese anamnesis anamnesi vorgeschichte antécédents antecedentes",
    RECOMMENDATIONS: "recommendation recommendations empfehlung empfehlungen procedere "
                     "recommandations recomendaciones",
    CONCLUSIONS: "conclusion conclusions zusammenfassung conclusión conclusioni conclusões",
    REQUEST: "request fragestellung question",
    PROCEDURE: "procedure technique technik methode untersuchung técnica tecnica",
    PRIOR: "comparison vergleich voruntersuchung voruntersuchungen comparaison",
    INDICATIONS: "indication indications indikation indicación indicazione indicatie",
    COMPLICATIONS: "complications complication komplikationen komplikation",
    SUMMARY: "summary epikrise samenvatting",
}.items() for word in words.split()}
LONGEST = 80


def heading_of(line: str) -> Heading | None:
    """What a line on its own is the heading of; None where it is no heading.

    A heading is a known word, a short line that ends with a colon, one in capitals, or one that is
    marked by ``#``.
    """
    text = line.strip()
    plain = text.lstrip("#").rstrip(":").strip()
    if not plain or len(text) > LONGEST:
        return None
    known = WORDS.get(plain.lower())
    if known is not None:
        return known
    letters = [one for one in plain if one.isalpha()]
    marked = text.startswith("#") or (text.endswith(":") and len(plain.split()) <= 6)
    loud = len(letters) > 3 and all(one.isupper() for one in letters) and len(plain.split()) <= 8
    return OTHER if letters and (marked or loud) else None
