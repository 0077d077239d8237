"""To be loaded by who forks the children that screen a package: what the first instance would make
each of them load and prepare by itself, a quarter of a second of both processors.

These children ask pydicom for the elements of a data set only, so they need none of its decoders.
"""

from __future__ import annotations

from mediasvc.codecs.sha256 import FROM, sha256_of_both
from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.file_meta import PREFIX
from mediasvc.dicom.load_pydicom import load_pydicom
from mediasvc.standard.preambles import LENGTH

_DECODERS = ("PIL", "gdcm", "jpeg_ls", "openjpeg", "pylibjpeg")


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


load_pydicom(_DECODERS)
_screen_something()
_hash_something()
