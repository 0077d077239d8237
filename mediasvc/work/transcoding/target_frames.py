"""All frames of an instance into another transfer syntax, each proven before it is written."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mediasvc.codecs.codec import Array, Codec, refuse
from mediasvc.codecs.one_bit import Packer
from mediasvc.codecs.quality import Distance, psnr
from mediasvc.codecs.table import codec
from mediasvc.dicom.pixel_writer import PixelWriter
from mediasvc.errors import ProofError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.standard.lossy_policy import Cap
from mediasvc.work.transcoding.jury import Jury, kind_of
from mediasvc.work.transcoding.new_frames import FrameMaker, NewFrame
from mediasvc.work.transcoding.source_frames import SourceFrames, pixel_bytes
from mediasvc.work.transcoding.transcode_row import FrameSum, Options, Verified
from mediasvc.work.turns.in_order import in_order, threads_for
from mediasvc.work.turns.in_step import Steps
from mediasvc.work.turns.mapped import give_back

#: Bytes of encoded frames that are kept until they were compared with the written file: that takes
#: a tenth of the time of two checksums.
KEPT = 4 << 20

_Make = Callable[[tuple[int, bool]], tuple[NewFrame, bool]]
"""(number of a frame, whether all who can look at it) → what it became, and whether two code bases
saw the same in the original."""


@dataclass
class Result:
    """What the frames became. ``spec`` are the attributes of the new pixel data, ``alone`` says
    that one code base only reads them."""

    spec: FrameSpec
    alone: bool = False
    bits: int = 8
    """Bits Stored of the source: the range that PSNR refers to."""
    foreign: int = 0
    twice: int = 0
    """Frames that two code bases decoded to the same."""
    seen_by: dict[str, int] = field(default_factory=dict)
    """New frames by code base that decoded them."""
    agreed: int = 0
    """Frames of the original that need no second opinion any more."""
    native_bytes: int = 0
    distances: list[Distance] = field(default_factory=list)
    sums: list[FrameSum] = field(default_factory=list)
    kept: int = 0
    count: int = 0
    """Frames, where they have no sum each."""
    pixels: hashlib._Hash | None = None
    """sha256 over what the new frames decode to, where it is asked for."""

    def add(self, new: NewFrame, agreed: bool, writer: PixelWriter) -> None:
        writer.add(new.data)
        self.kept += len(new.data)
        self.sums.append(new.data if self.kept <= KEPT
                         else (len(new.data), zlib.crc32(new.data)))
        self.foreign += new.foreign
        self.twice += len(new.seen_by) > 1
        for code_base in new.seen_by:
            self.seen_by[code_base] = self.seen_by.get(code_base, 0) + 1
        self.agreed += agreed
        self.native_bytes += new.native_bytes
        if self.pixels is not None:
            self.pixels.update(pixel_bytes(new.decoded))
        if new.distance is not None:
            self.distances.append(new.distance)

    @property
    def frames(self) -> int:
        return self.count or len(self.sums)

    @property
    def pixels_sha256(self) -> str:
        return self.pixels.hexdigest() if self.pixels is not None else ""

    def verified(self, options: Options) -> Verified:
        """Who has looked so far; a lone code base is yet to be heard."""
        if options.verify == "none" or self.alone:
            return "none"
        if self.twice == self.frames:
            return "two decoders"
        if self.foreign == self.frames:
            return "foreign decoder"
        return "sampled" if self.foreign else "one decoder"

    @property
    def max_error(self) -> int | None:
        return max((one.max_error for one in self.distances), default=None)

    @property
    def ssim(self) -> float | None:
        if not self.distances:
            return None
        return sum(one.ssim for one in self.distances) / len(self.distances)

    @property
    def psnr(self) -> float | None:
        if not self.distances:
            return None
        return psnr(sum(one.squares for one in self.distances),
                    sum(one.samples for one in self.distances), (1 << self.bits) - 1)


def to_native(source: SourceFrames, writer: PixelWriter, options: Options, jury: Jury,
              ) -> Steps[Result]:
    """Decode only: the proof is a second decoder's look at the original. The first step touches no
    pixels."""
    if source.spec.bits_allocated == 1:
        yield
        return _bits_to_native(source, writer, options, jury)

    def decoded(order: tuple[int, bool]) -> tuple[NewFrame, bool]:
        array, agreed = _decoded(source, *order, options)
        return NewFrame(bytes(pixel_bytes(array)), array, array.nbytes, foreign=agreed), agreed

    result = yield from _all(source, decoded, Result(source.spec), writer, options, jury)
    result.twice = result.agreed
    return result


def _bits_to_native(source: SourceFrames, writer: PixelWriter, options: Options, jury: Jury,
                    ) -> Result:
    """Pixels of one bit, whose frames follow each other without a gap: all of them are one."""
    result, packer = Result(source.spec), Packer()
    kind, agreed, crc = kind_of(source.framing, source.received), 0, 0
    if options.verify == "full":
        result.pixels = hashlib.sha256()
    for number in range(len(source)):
        judged = options.verify != "none" and jury.calls(kind)
        array, seen = _decoded(source, number, judged, options)
        agreed += seen
        if result.pixels is not None:
            result.pixels.update(pixel_bytes(array))
        for data in (packer.add(array), packer.rest() if number == len(source) - 1 else b""):
            writer.add(data)
            crc = zlib.crc32(data, crc)
    result.sums.append((writer.total, crc))
    result.native_bytes = writer.total
    result.count, result.foreign, result.agreed, result.twice = len(source), agreed, agreed, agreed
    return result


def to_codec(source: SourceFrames, target: ts.TransferSyntax, writer: PixelWriter, options: Options,
             jury: Jury, cap: Cap | None = None) -> Steps[Result]:
    """Decode, encode, decode again, compare; the first step touches no pixels. Raises
    UnsupportedError when the codec does not take these pixels, ProofError when what comes back is
    not what went in."""
    if target.uid == ts.JPEG_XL_JPEG:
        return (yield from _pack_jpeg(source, writer, options, jury))
    maker = _maker(codec(target.uid), source.spec, options, cap)

    def made(order: tuple[int, bool]) -> tuple[NewFrame, bool]:
        array, agreed = _decoded(source, *order, options)
        return maker.make(array, judged=order[1]), agreed

    result = Result(maker.stored, maker.alone, bits=source.spec.bits_stored)
    return (yield from _all(source, made, result, writer, options, jury))


@lru_cache(maxsize=64)
def _maker(chosen: Codec, spec: FrameSpec, options: Options, cap: Cap | None) -> FrameMaker:
    """The instances of a series share it. Raises UnsupportedError."""
    encoder = chosen.lossless or chosen.lossy
    if encoder is None:
        raise UnsupportedError(f"{ts.name_of(chosen.uid)} is not written: {chosen.unwritten}")
    refuse(encoder.refusal(spec))
    return FrameMaker(chosen, encoder, spec, encoder.stored(spec), options, cap)


def _decoded(source: SourceFrames, number: int, judged: bool, options: Options,
             ) -> tuple[Array, bool]:
    """With ``full`` every compressed original is decoded by two."""
    array = source.decode(number)
    if source.codec is None:
        return array, True
    return array, (judged or options.verify == "full") and source.agree(number, array)


def _all(source: SourceFrames, make: _Make, result: Result, writer: PixelWriter, options: Options,
         jury: Jury) -> Steps[Result]:
    kind = kind_of(source.framing, source.received)
    count = len(source)
    orders = ((number, options.verify != "none" and jury.calls(kind)) for number in range(count))
    if options.verify == "full" or (result.alone and options.verify != "none"):
        result.pixels = hashlib.sha256()
    threads = threads_for(options.threads, count, source.spec.native_bytes)
    yield
    for number, (new, agreed) in enumerate(in_order(make, orders, threads)):
        result.add(new, agreed, writer)
        give_back(source.frames[number])
    return result


def _pack_jpeg(source: SourceFrames, writer: PixelWriter, options: Options, jury: Jury,
               ) -> Steps[Result]:
    """JPEG Baseline streams packed as JPEG XL; the proof is that the very stream comes back."""
    from mediasvc.codecs.jpeg_stream import end_of_image
    from mediasvc.codecs.jpeg_xl import from_jpeg, to_jpeg

    if source.framing.transfer_syntax_uid != ts.JPEG_BASELINE or source.codec is None:
        raise UnsupportedError("jxl-jpeg is only made from JPEG Baseline")

    def packed(order: tuple[int, bool]) -> tuple[NewFrame, bool]:
        array, agreed = _decoded(source, *order, options)
        frame = source.frames[order[0]]
        data = from_jpeg(frame)
        if options.verify != "none" and to_jpeg(data) != bytes(frame[:end_of_image(frame)]):
            raise ProofError("libjxl does not give the JPEG stream back")
        return NewFrame(data, array, array.nbytes), agreed

    made = Result(replace(source.received), True)
    return (yield from _all(source, packed, made, writer, options, jury))
