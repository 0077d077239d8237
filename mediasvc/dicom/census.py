"""What the headers of a series have in common, gathered one after the other (PS3.4 C.3.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from mediasvc.dicom.classic_header import Elements, items_of, text_of
from mediasvc.dicom.frame_character import Character, character
from mediasvc.dicom.functional_groups import Groups, groups_of, unassigned
from mediasvc.standard import legacy_converted as table
from mediasvc.standard.legacy_converted import Conversion

LOSSY, LOSSY_RATIO, LOSSY_METHOD = 0x00282110, 0x00282112, 0x00282114
OVERLAYS, VOI_LUT, INSTANCE_NUMBER = 0x6000, 0x00283010, 0x00200013


@dataclass
class Census:
    """``shared``: elements that every frame has with the same bytes. ``macros``: macros that every
    frame has with the same content. Frames that lack something are counted in ``without``."""

    conversion: Conversion
    count: int = 0
    shared: dict[int, bytes] = field(default_factory=dict)
    macros: dict[str, Groups] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    characters: dict[Character, None] = field(default_factory=dict)
    series_start: str = ""
    content_start: str = ""
    lossy: tuple[float, dict[int, bytes]] = (-1.0, {})
    referred: dict[str, dict[str, None]] = field(
        default_factory=lambda: {"image": {}, "source": {}})
    without: dict[str, int] = field(default_factory=dict)

    def add(self, header: Elements) -> None:
        macros, used = groups_of(self.conversion, header)
        if self.count == 0:
            self.shared, self.macros, self.used = dict(header), macros, used
        else:
            self.shared = {tag: element for tag, element in self.shared.items()
                           if header.get(tag) == element}
            self.macros = {name: groups for name, groups in self.macros.items()
                           if macros.get(name) == groups}
        self.count += 1
        self.characters[character(header)] = None
        self._times(header)
        self._lossy(header)
        self._refer(header)
        self._notice(header)

    def shared_elements(self) -> dict[int, bytes]:
        """``shared`` without the number of the instance, and without private elements whose
        creator not every frame has."""
        return {tag: element for tag, element in self.shared.items() if tag != INSTANCE_NUMBER
                and (not is_private_data(tag) or creator_of(tag) in self.shared)}

    def own_groups(self, header: Elements) -> Groups:
        """Macros that stand in a frame's own item."""
        macros, _ = groups_of(self.conversion, header)
        return {tag: group for name, groups in macros.items() if name not in self.macros
                for tag, group in groups.items()}

    def shared_unassigned(self, top_level: Elements) -> dict[int, bytes]:
        shared = self.shared_elements()
        told = {tag for tag, element in shared.items() if top_level.get(tag) == element}
        return unassigned(shared, (told, self.used))

    def own_unassigned(self, header: Elements) -> dict[int, bytes]:
        """With the creators of the private elements among them."""
        _, used = groups_of(self.conversion, header)
        shared = self.shared_elements()
        own = unassigned(header, (shared.keys(), used))
        for tag in list(own):
            creator = creator_of(tag)
            if is_private_data(tag) and creator in header:
                own[creator] = header[creator]
        return own

    def _times(self, header: Elements) -> None:
        series = text_of(header, 0x00080021), text_of(header, 0x00080031)
        self.series_start = _earlier(self.series_start, *series)
        for date, time in ((0x00080023, 0x00080033), (0x00080022, 0x00080032),
                           (0x00080021, 0x00080031), (0x00080020, 0x00080030)):
            if text_of(header, date) and text_of(header, time):
                self.content_start = _earlier(
                    self.content_start, text_of(header, date), text_of(header, time))
                return

    def _lossy(self, header: Elements) -> None:
        if text_of(header, LOSSY) != "01":
            return
        try:
            worst = max(float(part) for part in text_of(header, LOSSY_RATIO).split("\\"))
        except ValueError:
            worst = 0.0
        if worst > self.lossy[0]:
            self.lossy = worst, {tag: header[tag] for tag in (LOSSY_RATIO, LOSSY_METHOD)
                                 if tag in header}

    def _refer(self, header: Elements) -> None:
        for kind, tag in (("image", table.REFERENCED_IMAGE), ("source", table.SOURCE_IMAGE)):
            for item in items_of(header.get(tag)):
                uid = text_of(item, 0x00081155)
                if uid:
                    self.referred[kind][uid] = None

    def _notice(self, header: Elements) -> None:
        lacks = {"overlay": any(tag >> 16 & 0xFF01 == OVERLAYS for tag in header),
                 "window": self.conversion.kind == "enhanced" and VOI_LUT in header,
                 "signature": 0xFFFAFFFA in header}
        for name, there in lacks.items():
            self.without[name] = self.without.get(name, 0) + there


def is_private_data(tag: int) -> bool:
    return bool(tag & 0x10000) and tag & 0xFFFF >= 0x1000


def creator_of(tag: int) -> int:
    return tag >> 16 << 16 | (tag >> 8 & 0xFF)


def _earlier(known: str, date: str, time: str) -> str:
    """``date time``, the earlier of two; what has no date counts for nothing."""
    said = f"{date} {time}" if date else known
    return min(filter(None, (known, said)), default="")
