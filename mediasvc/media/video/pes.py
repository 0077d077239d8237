"""Packetized elementary streams: where the payload begins, and its time (ISO 13818-1 2.4.3.6)."""

from __future__ import annotations

#: Marks in 90 kHz.
CLOCK = 90_000
#: 33 bits: times begin anew every 26.5 hours.
WRAP = 1 << 33


#: Stuffing before the payload of an MPEG-1 packet (ISO 11172-1 2.4.3.3).
MOST_STUFFING = 16


def payload_at(packet: bytes) -> int:
    """Position of the first payload byte of a packet that begins with a start code; -1 when its
    header is none or not all there."""
    if len(packet) < 9:
        return -1
    return 9 + packet[8] if packet[6] >> 6 == 2 else _payload_at_mpeg1(packet)


def _payload_at_mpeg1(packet: bytes) -> int:
    """Stuffing, buffer size, and times are told apart by their first bits."""
    at = 6
    while at < min(len(packet), 6 + MOST_STUFFING) and packet[at] == 0xFF:
        at += 1
    if at + 2 < len(packet) and packet[at] >> 6 == 1:
        at += 2
    if at >= len(packet):
        return -1
    times = {2: 5, 3: 10}.get(packet[at] >> 4, 1 if packet[at] == 0x0F else -1)
    return at + times if times > 0 else -1


def time_of(packet: bytes) -> int | None:
    """The presentation time, or None when the packet has none."""
    if len(packet) < 14 or packet[6] >> 6 != 2 or not packet[7] & 0x80:
        return None
    return ((packet[9] >> 1 & 7) << 30 | packet[10] << 22 | packet[11] >> 1 << 15
            | packet[12] << 7 | packet[13] >> 1)


class Times:
    """How many pictures there are and how fast they follow, out of their presentation times."""

    def __init__(self) -> None:
        self.pictures = 0
        self._first: int | None = None
        self._least = self._most = 0

    def add(self, time: int | None) -> None:
        """One more picture. Times that wrap around are counted on."""
        self.pictures += 1
        if time is None:
            return
        if self._first is None:
            self._first = time
        since = (time - self._first + WRAP // 2) % WRAP - WRAP // 2
        if since < self._most - WRAP // 4:  # longer than half a turn
            since += WRAP
        self._least, self._most = min(self._least, since), max(self._most, since)

    @property
    def span(self) -> int:
        """Ticks from the first picture shown to the last."""
        return self._most - self._least
