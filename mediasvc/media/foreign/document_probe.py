"""Documents that are kept whole: PDF and binary STL (PS3.3 A.45, A.85)."""

from __future__ import annotations

import re
from typing import NoReturn

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.foreign.wrap_facts import DocumentFacts
from mediasvc.media.window import Window

#: A PDF's header stands in its first kilobyte, its end mark in the last (ISO 32000 annex H).
PDF_REACH = 1024
#: Header, number of triangles; bytes of one triangle.
STL_HEAD, STL_TRIANGLE = 84, 50


def probe_pdf(window: Window) -> DocumentFacts:
    """Raises DamagedError when the end of the document is missing."""
    head = window.head(0, PDF_REACH)
    if not re.search(rb"%PDF-[12]\.\d", head):
        raise DamagedError("it does not begin like a PDF")
    tail = window.read(max(0, window.length - PDF_REACH), min(window.length, PDF_REACH))
    if b"%%EOF" not in tail:
        raise DamagedError("the PDF is cut off: its end mark is missing")
    encrypted = b"/Encrypt" in tail
    return DocumentFacts("pdf", ("the PDF is encrypted",) if encrypted else ())


def is_binary_stl(window: Window) -> bool:
    """The number of triangles must fill the file exactly; the format has no mark of its own."""
    if window.length < STL_HEAD:
        return False
    triangles = int.from_bytes(window.read(80, 4), "little")
    return triangles > 0 and window.length == STL_HEAD + STL_TRIANGLE * triangles


def refuse_text_stl() -> NoReturn:
    """Raises UnsupportedError: Encapsulated STL holds the binary form only (PS3.3 A.85.1.4)."""
    raise UnsupportedError("it is a text STL; DICOM takes the binary form only",
                           "Save it as binary STL first.")
