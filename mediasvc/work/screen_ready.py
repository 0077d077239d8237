"""To be loaded by who forks the children that screen a package: what the first instance would make
each of them load and prepare by itself, a quarter of a second of both processors.

pydicom looks for every decoder of pixels that is installed when it is loaded. These children ask it
for the elements of a data set only, so they spare the half of that time that decoders take.
"""

from __future__ import annotations

import sys

from mediasvc.codecs.sha256 import FROM, sha256_of_both
from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.file_meta import PREFIX
from mediasvc.standard.preambles import LENGTH

_DECODERS = ("PIL", "gdcm", "jpeg_ls", "openjpeg", "pylibjpeg")


def _load_pydicom() -> None:
    spared = [name for name in _DECODERS if name not in sys.modules]
    for name in spared:
        sys.modules[name] = None  # type: ignore[assignment]  # "not installed"
    try:
        import pydicom  # noqa: F401
    finally:
        for name in spared:
            del sys.modules[name]


def _screen_something() -> None:
    """An instance without pixels: the kernels meet their arguments for the first time."""
    from mediasvc.dicom.header import scan  # noqa: F401
    from mediasvc.dicom.screening import examine
    from mediasvc.dicom.second_reading import compare

    element = Encoding(implicit=False, big_endian=False).element
    meta = b"".join((element(0x00020002, "UI", b"1.2"), element(0x00020003, "UI", b"1.2.3"),
                     element(0x00020010, "UI", b"1.2.840.10008.1.2.1")))
    file = b"".join((bytes(LENGTH), PREFIX,
                     element(0x00020000, "UL", len(meta).to_bytes(4, "little")), meta,
                     element(0x00080016, "UI", b"1.2"), element(0x00080018, "UI", b"1.2.3"),
                     element(0x00100020, "LO", b"1")))
    framing = examine(memoryview(file))[1]
    if framing is not None:
        compare(memoryview(file), framing)


def _hash_something() -> None:
    sha256_of_both(b"", b"", bytes(FROM))


_load_pydicom()
_screen_something()
_hash_something()
