"""Wavefront models and their materials: text files that are kept whole (PS3.3 A.85.2, A.85.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mediasvc.dicom.text import display
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.foreign.wrap_facts import DocumentFacts
from mediasvc.media.window import Window

#: Statements of the format (Wavefront Object Files 3.0). ``call`` and ``csh`` are none of ours:
#: they read other files and start programs.
OBJ_WORDS = (b"v vt vn vp cstype deg bmat step p l f fo curv curv2 surf parm trim hole scrv sp end "
             b"con g s mg o bevel c_interp d_interp lod maplib usemap usemtl mtllib shadow_obj "
             b"trace_obj ctech stech").split()
MTL_WORDS = (b"newmtl Ka Kd Ks Ke Tf illum d Tr sharpness Ns Ni Pr Pm Ps Pc Pcr aniso anisor "
             b"Km map_Ka map_Kd map_Ks map_Ke map_Ns map_d map_bump map_Bump map_Tr map_refl "
             b"map_Pr map_Pm map_Ps map_aat bump disp decal refl norm").split()
#: What names a picture in a file of its own.
TEXTURES = re.compile(rb"(?m)^[ \t]*(?:map_\w++|bump|disp|decal|refl|norm|maplib|usemap)[ \t]++"
                      rb"([^\r\n]*)")
LIBRARIES = re.compile(rb"(?m)^[ \t]*mtllib[ \t]++([^\r\n]*)")
_NUMBER = rb"[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?"
_VERTEX = re.compile(rb"(?m)^[ \t]*v[ \t]")
_BAD_VERTEX = re.compile(rb"(?m)^[ \t]*v[ \t](?![ \t]*" + _NUMBER + rb"[ \t]++" + _NUMBER
                         + rb"[ \t]++" + _NUMBER + rb"(?:[ \t\r]|$))")
_BAD_FACE = re.compile(rb"(?m)^[ \t]*f[ \t](?![ \t]*[-\d/]++[ \t]++[-\d/]++[ \t]++[-\d/])")
_MATERIAL = re.compile(rb"(?m)^[ \t]*newmtl[ \t]")
_CONTINUED = re.compile(rb"\\\r?\n")
#: Bytes that no text has.
_CONTROLS = bytes(set(range(32)) - set(b"\t\r\n\f")) + b"\x7f"
CHUNK, LONGEST_LINE, MOST_NAMES = 1 << 20, 1 << 16, 64
#: Bytes of comments before the first statement that are looked through.
PREFACE = 1 << 16


def _statements(words: list[bytes]) -> re.Pattern[bytes]:
    """Matches where a line begins with none of the words."""
    known = b"|".join(sorted(words, reverse=True))
    return re.compile(rb"(?m)^(?![ \t\f]*(?:#|(?:" + known + rb")(?:[ \t\r]|$)|\r?$))([^\r\n]*)")


_OBJ, _MTL = _statements(OBJ_WORDS), _statements(MTL_WORDS)
#: A model that reaches outside is known for one, so that it is refused as one.
_ANY_OBJ = _statements([*OBJ_WORDS, b"call", b"csh"])


def model_kind(window: Window) -> str:
    """``obj``, ``mtl`` or empty, by the first statements."""
    head = window.head(0, PREFACE)
    if window.length > len(head):
        head = head[:head.rfind(b"\n") + 1]
    head = _CONTINUED.sub(b" ", head)
    if head.translate(None, _CONTROLS) != head:
        return ""
    if (_VERTEX.search(head) or LIBRARIES.search(head)) and not _ANY_OBJ.search(head):
        return "obj"
    return "mtl" if _MATERIAL.search(head) and not _MTL.search(head) else ""


def probe_obj(window: Window) -> DocumentFacts:
    """Raises DamagedError, and UnsupportedError for a model that needs pictures."""
    libraries: dict[str, None] = {}
    vertices = 0
    for part in _parts(window):
        _check(part, _OBJ, "model")
        if _BAD_VERTEX.search(part) or _BAD_FACE.search(part):
            raise DamagedError("the model is cut off or damaged: a point or face is not complete")
        vertices += sum(1 for _ in _VERTEX.finditer(part))
        for found in LIBRARIES.finditer(part):
            libraries |= dict.fromkeys(_names(found[1]))
    if not vertices:
        raise DamagedError("the model has no point")
    return DocumentFacts("obj", libraries=tuple(libraries)[:MOST_NAMES])


def probe_mtl(window: Window) -> DocumentFacts:
    """Raises DamagedError, and UnsupportedError for materials that need pictures."""
    for part in _parts(window):
        _check(part, _MTL, "material library")
    return DocumentFacts("mtl")


def _check(part: bytes, others: re.Pattern[bytes], what: str) -> None:
    if part.translate(None, _CONTROLS) != part:
        raise DamagedError(f"the {what} is damaged: it is not all text")
    found = others.search(part)
    if found:
        word = display(found[1].decode("utf-8", "replace").strip()[:24])
        raise DamagedError(f"the {what} has a line that begins with {word!r}")
    pictures = dict.fromkeys(display(one[1].decode("utf-8", "replace").strip())[:80]
                             for one in TEXTURES.finditer(part))
    if pictures:
        raise UnsupportedError(
            f"it needs the texture {', '.join(list(pictures)[:8])}, which cannot go with it",
            "Wrap a copy without textures; wrap the pictures as photos.")


def _names(text: bytes) -> list[str]:
    """File names behind a statement; several are separated by blanks."""
    return [display(one) for one in text.decode("utf-8", "replace").split()]


def _parts(window: Window) -> Iterator[bytes]:
    """The file by whole lines, continued ones joined."""
    at, rest = 0, b""
    while at < window.length:
        data = rest + window.head(at, CHUNK)
        at = min(window.length, at + CHUNK)
        cut = len(data) if at == window.length else _line_end(data)
        rest = data[cut:]
        if len(rest) > LONGEST_LINE:
            raise DamagedError("it has a line that is too long for a model")
        yield _CONTINUED.sub(b" ", data[:cut])


def _line_end(data: bytes) -> int:
    """Behind the last line that is not continued."""
    cut = data.rfind(b"\n") + 1
    while cut >= 2 and data[:cut].endswith((b"\\\n", b"\\\r\n")):
        cut = data.rfind(b"\n", 0, cut - 1) + 1
    return cut
