"""HL7 messages for tests, made of plain pieces."""

from __future__ import annotations

from datetime import UTC, datetime

from mediasvc.identity.adt import AdtEvent, Feed, read_event

FEED = Feed("HOSP")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def message(trigger: str, *, pid: str = "100^^^HOSP^MR", name: str = "Doe^John",
            born: str = "19800102", sex: str = "M", mrg: str = "", at: str = "20240101120000+0000",
            control: str = "", charset: str = "", pid2: str = "", sender: str = "HIS",
            after_sex: str = "", end: str = "\r", kind: str = "ADT", **more: str) -> bytes:
    """One message in UTF-8; ``more`` adds whole segments."""
    lines = [f"MSH|^~\\&|{sender}|CLINIC|MEDIASVC|DESK|{at}||{kind}^{trigger}^{kind}_{trigger}|"
             f"{control or f'{trigger}{at}{pid}{mrg}'}|P|2.5||||||{charset}",
             f"EVN||{at}", f"PID|1||{pid}||{name}||{born}|{sex}{after_sex}"]
    if pid2:
        lines.append(f"PID|2||{pid2}")
    if mrg:
        lines.append(f"MRG|{mrg}")
    lines += more.values()
    return (end.join(lines) + end).encode()


def event(data: bytes, feed: Feed = FEED) -> AdtEvent:
    found = read_event(data, feed, NOW)
    assert found is not None
    return found
