"""Frames into another transfer syntax, each proven before the next (FAULTS X01, X02)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from mediasvc.codecs.codec import Array, Codec, Decoder, Encoder, refuse
from mediasvc.codecs.colour import ybr_full_to_rgb
from mediasvc.codecs.quality import Distance, distance, psnr
from mediasvc.codecs.samples import array_to_native
from mediasvc.codecs.search import Trial, encode_to
from mediasvc.codecs.table import codec
from mediasvc.dicom.pixel_writer import PixelWriter
from mediasvc.errors import ProofError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.source_frames import SAMPLE, SourceFrames
from mediasvc.work.transcode_row import Options, Verified

#: A lossy frame whose error is beyond both is no copy, whatever ratio was asked for (FAULTS X02):
#: parts of the range of values, and of their standard deviation.
ALARM_OF_RANGE, ALARM_OF_SPREAD = 1 / 50, 1 / 2


@dataclass
class Result:
    """What the frames became. ``spec`` are the attributes of the new pixel data."""

    spec: FrameSpec
    native_bytes: int = 0
    digests: list[bytes] = field(default_factory=list)
    distances: list[Distance] = field(default_factory=list)
    pixels: hashlib._Hash = field(default_factory=hashlib.sha256)
    decoders: set[str] = field(default_factory=set)
    peak: int = 1

    @property
    def max_error(self) -> int | None:
        return max((one.max_error for one in self.distances), default=None)

    @property
    def psnr(self) -> float | None:
        if not self.distances:
            return None
        return psnr(sum(one.squares for one in self.distances),
                    sum(one.samples for one in self.distances), self.peak)

    @property
    def ssim(self) -> float | None:
        if not self.distances:
            return None
        return sum(one.ssim for one in self.distances) / len(self.distances)


def to_native(source: SourceFrames, writer: PixelWriter, options: Options) -> tuple[Result,
                                                                                    Verified]:
    """Decode only: the proof is a second decoder's look at the original."""
    result, twice = Result(source.spec), True
    for number in range(len(source)):
        array = source.decode(number)
        if options.verify != "none":
            twice &= source.agree(number, array)
        data = array_to_native(array)
        writer.add(data)
        result.native_bytes += len(data)
        result.pixels.update(data)
        result.digests.append(hashlib.sha256(data).digest())
    if options.verify == "none":
        return result, "none"
    return result, "two decoders" if twice or source.codec is None else "one decoder"


def to_codec(source: SourceFrames, target: ts.TransferSyntax, writer: PixelWriter, options: Options,
             ) -> tuple[Result, Verified]:
    """Decode, encode, decode again, compare. Raises UnsupportedError when the codec does not take
    these pixels, ProofError when what comes back is not what went in."""
    if target.uid == ts.JPEG_XL_JPEG:
        return _pack_jpeg(source, writer, options)
    chosen = codec(target.uid)
    encoder = chosen.lossless or chosen.lossy
    if encoder is None:
        raise UnsupportedError(f"{target.label} is not written: {chosen.unwritten}")
    refuse(encoder.refusal(source.spec))
    stored = encoder.stored(source.spec)
    result = Result(stored, peak=(1 << source.spec.bits_stored) - 1)
    for number in range(len(source)):
        array = source.decode(number)
        if options.verify == "full" or (options.verify == "normal" and number % SAMPLE == 0):
            source.agree(number, array)
        data = _encoded(chosen, encoder, array, source.spec, stored, options)
        if chosen.lossless is None:
            _measure(chosen, data, array, source.spec, stored, result)
        if options.verify != "none":
            _prove(chosen, encoder, data, array, stored, options, result)
        _add(result, writer, data, array)
    return result, _verified(result, encoder, options)


def _add(result: Result, writer: PixelWriter, data: bytes, array: Array) -> None:
    writer.add(data)
    native = array_to_native(array)
    result.native_bytes += len(native)
    result.pixels.update(native)
    result.digests.append(hashlib.sha256(data).digest())


def _encoded(chosen: Codec, encoder: Encoder, array: Array, spec: FrameSpec, stored: FrameSpec,
             options: Options) -> bytes:
    if encoder.control is None:
        return encoder.encode(array, spec, None)

    def attempt(dial: float) -> Trial:
        data = encoder.encode(array, spec, dial)
        error = partial(_max_error, chosen, data, array, spec, stored)
        return Trial(data, spec.native_bytes / len(data), error)

    return encode_to(options.goal, encoder.control, attempt)


def _max_error(chosen: Codec, data: bytes, array: Array, spec: FrameSpec, stored: FrameSpec) -> int:
    back = _in_colours_of(chosen.decode(data, stored), spec, chosen.decoded(stored))
    return int(np.abs(back.astype(np.int64) - array.astype(np.int64)).max())


def _in_colours_of(back: Array, spec: FrameSpec, decoded: FrameSpec) -> Array:
    """Lossy colour comes back as the stream holds it; errors count in the source's colours."""
    if (decoded.photometric_interpretation, spec.photometric_interpretation) == ("YBR_FULL", "RGB"):
        return ybr_full_to_rgb(back)
    return back


def _measure(chosen: Codec, data: bytes, array: Array, spec: FrameSpec, stored: FrameSpec,
             result: Result) -> None:
    back = _in_colours_of(chosen.decode(data, stored), spec, chosen.decoded(stored))
    apart = distance(array, back, result.peak)
    rms = (apart.squares / apart.samples) ** 0.5
    if rms > ALARM_OF_RANGE * result.peak and rms > ALARM_OF_SPREAD * float(array.std()):
        raise ProofError(f"what {chosen.name} made is not the image that it was made from")
    result.distances.append(apart)


def _prove(chosen: Codec, encoder: Encoder, data: bytes, array: Array, stored: FrameSpec,
           options: Options, result: Result) -> None:
    """Lossless: exactly what went in. Lossy: the decoders agree with each other."""
    for decoder in _judges(chosen, encoder, options):
        which = "first" if decoder is chosen.first else "second"
        result.decoders.add(decoder.code_base)
        back = chosen.decode(data, stored, "first" if which == "first" else "second")
        if chosen.lossless is not None:
            same = np.array_equal(back, array)
        else:
            first = chosen.decode(data, stored)
            same = int(np.abs(back.astype(np.int64) - first.astype(np.int64)).max()) <= 1
        if not same:
            raise ProofError(f"{decoder.code_base} does not read what {encoder.code_base} wrote")


def _judges(chosen: Codec, encoder: Encoder, options: Options) -> list[Decoder]:
    """Who looks at a new frame: normally one of another code base than the encoder."""
    everyone = [decoder for decoder in (chosen.second, chosen.first) if decoder is not None]
    if options.verify == "full":
        return everyone
    foreign = [decoder for decoder in everyone if decoder.code_base != encoder.code_base]
    return (foreign or everyone)[:1]


def _verified(result: Result, encoder: Encoder, options: Options) -> Verified:
    if options.verify == "none":
        return "none"
    return "two decoders" if result.decoders - {encoder.code_base} else "one decoder"


def _pack_jpeg(source: SourceFrames, writer: PixelWriter, options: Options) -> tuple[Result,
                                                                                     Verified]:
    """JPEG Baseline streams packed as JPEG XL; the proof is that the very stream comes back."""
    from mediasvc.codecs.jpeg_stream import end_of_image
    from mediasvc.codecs.jpeg_xl import from_jpeg, to_jpeg

    if source.framing.transfer_syntax_uid != ts.JPEG_BASELINE or source.codec is None:
        raise UnsupportedError("jxl-jpeg is only made from JPEG Baseline")
    result = Result(replace(source.received))
    for number, frame in enumerate(source.frames):
        array = source.decode(number)
        data = from_jpeg(frame)
        if options.verify != "none" and to_jpeg(data) != bytes(frame[:end_of_image(frame)]):
            raise ProofError("libjxl does not give the JPEG stream back")
        _add(result, writer, data, array)
    return result, "none" if options.verify == "none" else "one decoder"


