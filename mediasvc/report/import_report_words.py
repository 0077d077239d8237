"""The import report's words: states, reasons and events as a clerk and a lawyer read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What became of a package: (one word, a sentence, how it looks).
PACKAGE: Mapping[str, tuple[str, str, str]] = {
    "done": ("Finished", "Everything that could be filed is in the archive.", "good"),
    "waiting": ("Waits for a decision", "A person must decide before it is filed.", "open"),
    "receiving": ("Being taken in", "The import has not ended yet.", "open"),
    "failed": ("Failed", "Nothing of it was filed.", "bad"),
    "duplicate": ("Here before", "The same content had arrived earlier; nothing was filed twice.",
                  "good"),
    "discarded": ("Given up", "A person decided that none of it is kept.", "bad"),
}
KINDS = {"folder": "a folder", "iso": "a disc image", "zip": "a zip archive",
         "tar": "a tar archive", "archive": "an archive",
         "mail": "an email message", "file": "a single file"}
#: What became of a file that is an image or another DICOM instance.
STATES = {
    "archived": "filed", "duplicate": "was here already", "held": "waits for a decision",
    "quarantined": "refused, kept in quarantine", "rejected": "rejected by decision",
    "pending": "being taken in"}
#: Why an instance is here already, or is not filed. Of what was refused the finding tells more.
REASONS = {
    "in-archive": "the archive has the same bytes",
    "same-content": "the archive has the same image",
    "on-package": "it is twice on this medium", "our-own-disc": "we had put it on that disc",
    "same-package": "the same medium came before", "decision": "", "taken-back": "",
    "discarded": "the package was given up", "medium-error": "the disc cannot be read there"}
#: What became of the others, by role.
ROLES = {"dicomdir": "read as the disc's table of contents", "non_dicom": "not DICOM, not kept",
         "refused": "refused", "missing": "not on the disc"}
DECISIONS = {"link": "filed under a patient of the index", "new": "filed under a new patient",
             "reject": "rejected"}
#: The rules that may link without a person (DESIGN §5).
RULES = {
    "same-id": "the same Patient ID of the same issuer is in the index, and at least two of name, "
               "birth date and sex agree and none disagrees",
    "expected-import": "this patient's disc was announced beforehand, and the disc fits",
    "decided-before": "a person had decided so before for the same study with the same identity"}
SEVERITIES = {"error": "Error", "warning": "Warning", "info": "Note"}
ACTIONS = {
    "claimed": "the line began to read it",
    "waiting": "put on hold for a person", "done": "finished", "failed": "failed",
    "duplicate": "recognised as content that is here already", "discarded": "given up",
    "group-decided": "a patient was decided", "group-rejected": "a patient was rejected",
    "group-filed": "a patient's images were filed", "group-waiting": "a patient waits again",
    "group-proposed": "a decision was proposed; a second person must agree",
    "group-on-hold": "a patient was put aside",
    "refile-proposed": "moving studies to another patient was proposed; a second person must agree",
    "refile-begun": "moving studies to another patient began",
    "refiled": "studies were moved to another patient",
    "refile-failed": "moving studies failed; nothing was changed",
    "refile-undone": "studies were moved back to the patient before",
    "taking-back": "taking the whole import back began",
    "taken-back": "the whole import was taken back", "import-report": "a report was made",
    "missing-letter": "a letter about missing files was made"}


def rule_sentence(rule: str, evidence: Mapping[str, Any]) -> str:
    """Why a rule linked, with what it rests on."""
    words = RULES.get(rule, f"rule {rule}")
    agree = evidence.get("agree")
    if agree:
        words += f" (agreeing: {', '.join(map(str, agree))})"
    if "by" in evidence:
        words += f"; the word of {evidence['by']}"
    if "package" in evidence:
        words += f" in package {evidence['package']}"
    return words


def moment(at: str) -> str:
    """``2026-11-21T13:05:09.123456Z`` → ``2026-11-21 13:05:09 UTC``."""
    return f"{at[:10]} {at[11:19]} UTC" if len(at) > 19 else at
