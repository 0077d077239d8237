"""README.TXT: what the disc is, whose, and how to read it (IHE PDI, PDI-8)."""

from __future__ import annotations

import codecs
import textwrap

from mediasvc.media.disc.disc_file import INDEX, MANIFEST, WEB_FOLDER
from mediasvc.media.disc.disc_statement import PAGE
from mediasvc.media.page.page_content import CONFIDENTIAL, NOT_FOR_DIAGNOSIS, DiscFacts

FOLDERS = {"REPORTS": "reports and documents as pages and PDF files",
           "VIDEO": "moving images as ordinary videos, not for diagnosis"}


def readme(facts: DiscFacts) -> bytes:
    """Plain text with CR LF: ASCII, or UTF-8 with its mark where a name needs more."""
    lines = [
        facts.institution, "=" * max(8, len(facts.institution)), "",
        "This disc holds medical images in DICOM format." + (
            f" It is disc {facts.part}." if facts.part else ""), "",
        *_alerts(facts),
        "Contact", "-------", facts.contact or facts.institution, "",
        "What is where", "-------------",
        "DICOMDIR      the DICOM directory; any DICOM viewer or archive opens it",
        "DICOM         the images and reports themselves",
        f"{INDEX}     start page for any web browser, with small copies of the images",
        f"{WEB_FOLDER}       the pages that {INDEX} leads to",
        *_beside(facts),
        f"{MANIFEST}  every file with its SHA-256 hash (sha256sum -c {MANIFEST})",
        f"{PAGE}      what was checked before this disc was handed out", "",
        "How to look at it", "-----------------",
        "Open or import DICOMDIR with a DICOM viewer or archive. No program on this disc",
        "starts by itself and none needs to be installed.",
        f"Without a viewer, open {INDEX} with a web browser.", *_browser(facts), "",
        "Disclaimer", "----------", *_wrapped(NOT_FOR_DIAGNOSIS),
        *_wrapped(CONFIDENTIAL), "",
        f"File-set ID: {facts.file_set_id}",
        f"Profile:     {facts.profile}",
        f"Created:     {facts.created:%Y-%m-%d %H:%M %Z}",
        f"Created by:  {facts.creator}",
        *([f"Made for:    {facts.recipient}"] if facts.recipient else ()),
    ]
    shown = "".join(sign if sign.isprintable() or sign == "\n" else "?"
                    for sign in "\n".join(lines))
    text = shown.replace("\n", "\r\n").encode() + b"\r\n"
    return text if text.isascii() else codecs.BOM_UTF8 + text


def _beside(facts: DiscFacts) -> list[str]:
    rows = [f"{folder:<13} {FOLDERS[folder]}" for folder in facts.folders]
    if facts.viewer:
        rows.append(f"{facts.viewer.partition('/')[0]:<13} a viewer that runs in the browser, and "
                    "copies of the images for it")
    if facts.site_viewer:
        rows.append(f"{facts.site_viewer.partition('/')[0]:<13} another viewer, added by the "
                    "institution")
    return rows


def _browser(facts: DiscFacts) -> list[str]:
    if not facts.viewer:
        return []
    text = ("Its first link leads to a viewer with window, zoom and measuring. Where a system "
            "shows the names on the disc in small letters, links may fail: open "
            f"{facts.viewer.lower()} yourself then.")
    if facts.viewer_factor > 1:
        text += (f" The viewer's images are reduced to 1/{facts.viewer_factor} of their rows and "
                 "columns; the DICOM files are complete.")
    return _wrapped(text)


def _alerts(facts: DiscFacts) -> list[str]:
    if not facts.remarks:
        return []
    rows = [line for remark in facts.remarks for line in _wrapped(f"* {remark}")]
    return ["PLEASE NOTE", "-----------", *rows, ""]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 78)
