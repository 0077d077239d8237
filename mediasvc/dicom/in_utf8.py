"""A data set whose text is written anew in UTF-8, for a name that its character set cannot hold."""

from __future__ import annotations

import io

from mediasvc.dicom.encode_text import UTF8


def in_utf8(view: memoryview) -> bytes:
    """The same file with Specific Character Set ISO_IR 192 and every text re-encoded.

    Elements other than text keep their values; encodings of sequences may change. The caller keeps
    the received bytes. pydicom must have been shown the bytes by the screening before.
    """
    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(view), force=True)
    dataset.decode()
    dataset.SpecificCharacterSet = UTF8
    for element in dataset.iterall():
        if element.tag == 0x00080005:
            element.value = UTF8
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=False)
    return out.getvalue()
