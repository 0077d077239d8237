"""One header block of a tar: POSIX.1-1988 and 2001 (ustar, pax), GNU and the ones before."""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.errors import DamagedError

BLOCK = 512
#: Type flags (POSIX.1-2001 pax, "ustar Interchange Format"; GNU's own in capitals).
REGULAR = (b"0", b"\0", b"7")
FOLDER, GNU_NAME, GNU_LINK, GNU_SPARSE = b"5", b"L", b"K", b"S"
PAX, PAX_GLOBAL = b"x", b"g"
#: What may not enter, in words.
REFUSED = {
    b"1": "it is a link to another entry", b"2": "it is a link", b"3": "it is a device",
    b"4": "it is a device", b"6": "it is a FIFO", b"D": "it is a list of names",
    b"M": "it continues a file of another volume", b"S": "it is stored with holes",
    b"V": "it is the label of a volume"}
_NUMBER_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class Header:
    """``name`` with the ustar prefix before it; ``length`` in bytes; ``continues`` only for GNU's
    sparse files, whose map goes on in further blocks."""

    name: bytes
    length: int
    kind: bytes
    continues: bool


def parse_header(block: bytes) -> Header | None:
    """The header in ``block``, None for a block of zeros.

    Raises DamagedError when the checksum is wrong or a number is none.
    """
    if not any(block):
        return None
    if len(block) < BLOCK or not _sum_holds(block):
        raise DamagedError("a header of the tar is damaged")
    kind, name = block[156:157], _text(block[0:100])
    if block[257:263] == b"ustar\0" and block[345]:
        name = _text(block[345:500]) + b"/" + name
    return Header(name, number(block[124:136]), kind,
                  kind == GNU_SPARSE and block[482] != 0)


def looks_like_tar(block: bytes) -> bool:
    """Whether a file that begins with ``block`` is a tar."""
    try:
        header = parse_header(block[:BLOCK])
    except DamagedError:
        return False
    return header is not None and bool(header.name)


def number(field: bytes) -> int:
    """An octal number, or GNU's binary one whose first bit is set. Raises DamagedError."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    else:
        digits = field.strip(b" \0")
        if digits.strip(b"01234567"):
            raise DamagedError("a number in the tar is none")
        value = int(digits, 8) if digits else 0
    if value >= _NUMBER_LIMIT:
        raise DamagedError("a number in the tar is too large")
    return value


def pax_fields(raw: bytes) -> dict[bytes, bytes]:
    """``length key=value`` lines (POSIX.1-2001 pax). Raises DamagedError."""
    found: dict[bytes, bytes] = {}
    while raw.strip(b"\0"):
        digits, space, _ = raw[:20].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        key, equals, value = raw[len(digits) + 1:length].partition(b"=")
        if not (space and equals and value.endswith(b"\n")) or length > len(raw):
            raise DamagedError("an extended header of the tar is damaged")
        found[key] = value[:-1]
        raw = raw[length:]
    return found


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _sum_holds(block: bytes) -> bool:
    """The bytes with the checksum itself taken as blanks; some writers summed signed bytes."""
    digits = block[148:156].strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        return False
    plain = block[:148] + b" " * 8 + block[156:]
    total = sum(plain)
    return int(digits, 8) in (total, total - 256 * sum(byte > 127 for byte in plain))
