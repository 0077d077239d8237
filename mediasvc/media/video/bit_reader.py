"""Bits of a header, most significant first; Exp-Golomb codes (H.264 9.1, H.265 9.2)."""

from __future__ import annotations

from mediasvc.errors import DamagedError

#: Headers have lists; a longer one than this is damage.
MOST_ZEROS = 32


class BitReader:
    """Reads forward. Raises DamagedError at the end."""

    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def bits(self, count: int) -> int:
        if count > self._left:
            raise DamagedError("a header of the video stream is cut off")
        self._left -= count
        return (self._number >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return bool(self.bits(1))

    def unsigned(self) -> int:
        """ue(v)"""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > MOST_ZEROS:
                raise DamagedError("a header of the video stream is damaged")
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """se(v)"""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def unescaped(unit: bytes) -> bytes:
    """The bytes of a NAL unit without the threes that keep start codes out (H.264 7.4.1.1)."""
    return unit.replace(b"\0\0\3", b"\0\0")
