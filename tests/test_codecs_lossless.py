"""Every codec that writes losslessly, under the common contract."""

from __future__ import annotations

import pytest

from mediasvc.codecs import htj2k, jpeg2000, jpeg_lossless, jpeg_ls, jpeg_xl, native, rle
from mediasvc.codecs.table import _CODECS, codec
from tests.codec_contract import CodecContract


class TestRle(CodecContract):
    codec = rle.CODEC


class TestEncapsulatedUncompressed(CodecContract):
    codec = native.UNCOMPRESSED


class TestDeflatedImageFrame(CodecContract):
    codec = native.DEFLATED


class TestJpegLossless(CodecContract):
    codec = jpeg_lossless.SV1


class TestJpegLs(CodecContract):
    codec = jpeg_ls.LOSSLESS
    damaged = 1  # CharLS 2.4.3 may count 2^32 zeros before it gives up


class TestJpeg2000(CodecContract):
    codec = jpeg2000.LOSSLESS


#: OpenJPH reports a broken stream through a callback that cannot raise, and then by its result.
_TALKS = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@_TALKS
class TestHtj2k(CodecContract):
    codec = htj2k.LOSSLESS


@_TALKS
class TestHtj2kRpcl(CodecContract):
    codec = htj2k.RPCL


class TestJpegXl(CodecContract):
    codec = jpeg_xl.LOSSLESS


UNDER_CONTRACT = {case.codec.uid for case in CodecContract.__subclasses__()}


@pytest.mark.parametrize("uid", _CODECS)
def test_no_lossless_encoder_escapes_the_contract(uid: str) -> None:
    assert uid in UNDER_CONTRACT or codec(uid).lossless is None
