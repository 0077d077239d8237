"""How many discs of which kind it would take (FIELD N9): a table to choose from.

Only the row of the order itself is rehearsed. The others are about right: a few instances of each
kind are really rewritten, and the rest is taken to shrink or grow like them.
"""

from __future__ import annotations

import tempfile
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mediasvc.errors import BudgetError, SettingsError
from mediasvc.media.disc.disc_layout import DiscInstance, disc_instances
from mediasvc.media.disc.disc_plan import DiscPlan, plan_discs
from mediasvc.settings import Recipient
from mediasvc.span import Span
from mediasvc.standard.profiles import CAPACITY, Profile, load_profile
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.desk import Desk
from mediasvc.work.planning.export_conform import conform
from mediasvc.work.planning.export_order import ExportOrder
from mediasvc.work.planning.export_select import select
from mediasvc.work.planning.fitting import is_native
from mediasvc.work.planning.recipients import narrowed
from mediasvc.work.transcode import DEFAULT

#: (medium, as people call it; profile; ``--disc``; what it becomes)
OFFERS = (
    ("CD", "STD-GEN-CD", "cd", "iso"),
    ("DVD", "STD-GEN-DVD-JPEG", "dvd", "iso"),
    ("DVD", "STD-GEN-DVD-J2K", "dvd", "iso"),
    ("DVD-DL", "STD-GEN-DVD-JPEG", "dvd-dl", "iso"),
    ("BD", "STD-GEN-BD-JPEG", "bd", "iso"),
    ("USB", "STD-GEN-USB-JPEG", "usb", "folder"),
    ("ZIP", "ZIP", "unlimited", "zip"),
)
SAMPLE = 3
CHILD = "mediasvc.work.transcoding.transcode_file:transcode_file"
Kind = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """``bytes`` as compressed without loss, ``plain_bytes`` with native images as they are; both
    are estimates. ``discs`` 0: impossible, ``note`` says why."""

    medium: str
    profile: str
    disc: str
    discs: int
    bytes: int
    plain_bytes: int
    note: str = ""

    @property
    def gain(self) -> float:
        """What lossless compression saves, 0 to 1."""
        return max(0.0, 1 - self.bytes / self.plain_bytes) if self.plain_bytes else 0.0


def archived(desk: Desk, order: ExportOrder, widest: Profile) -> Sequence[DiscInstance]:
    """What is asked for as it lies in the archive, whatever the profile of the order allows."""
    anywhere = replace(order, profile=widest, compress=False)
    done = conform(desk, anywhere, select(desk, order), None, lambda done, total, what: None)
    return done.instances


def offers(desk: Desk, instances: Sequence[DiscInstance], recipient: Recipient | None,
           ) -> list[Offer]:
    """A row for each of `OFFERS`. ``instances``: as they lie in the archive."""
    with tempfile.TemporaryDirectory(prefix="export-plan-", dir=desk.home.staging) as scratch:
        meter = _Meter(desk, Path(scratch), _samples(instances))
        return [_offer(meter, instances, recipient, row) for row in OFFERS]


def _offer(meter: _Meter, instances: Sequence[DiscInstance], recipient: Recipient | None,
           row: tuple[str, str, str, str]) -> Offer:
    medium, name, disc, becomes = row
    profile = load_profile(name)
    try:
        profile = narrowed(profile, recipient) if recipient else profile
        plans = [_plan(meter, instances, profile, CAPACITY[disc], becomes, compress)  # type: ignore[index]
                 for compress in (True, False)]
    except (SettingsError, BudgetError) as error:
        return Offer(medium, name, disc, 0, 0, 0, error.text)
    note = ""
    if any(instance.span.length > profile.medium.largest_file for instance in instances):
        note = "some files are larger than a file on this medium may be"
    packed, plain = ((len(plan), sum(one.bytes for one in plan)) for plan in plans)
    return Offer(medium, name, disc, packed[0], packed[1], plain[1], note)


def _plan(meter: _Meter, instances: Sequence[DiscInstance], profile: Profile,
          capacity: int | None, becomes: str, compress: bool) -> list[DiscPlan]:
    return plan_discs(meter.sized(instances, profile, compress), capacity,
                      with_udf=becomes == "iso" and profile.medium.udf)


def _kind(instance: DiscInstance) -> Kind:
    return instance.header.modality, instance.header.transfer_syntax_uid


def _samples(instances: Sequence[DiscInstance]) -> dict[Kind, list[DiscInstance]]:
    """The first, the middle and the last image of each modality and syntax."""
    kinds: defaultdict[Kind, array[int]] = defaultdict(lambda: array("Q"))
    for place, instance in enumerate(instances):
        kinds[_kind(instance)].append(place)
    return {kind: [instances[places[(len(places) - 1) * at // max(1, SAMPLE - 1)]]
                   for at in range(min(SAMPLE, len(places)))] for kind, places in kinds.items()}


class _Meter:
    """How much an instance grows or shrinks in another syntax, tried on a few of its kind."""

    def __init__(self, desk: Desk, scratch: Path, samples: dict[Kind, list[DiscInstance]]) -> None:
        self._desk, self._scratch, self._samples = desk, scratch, samples
        self._factors: dict[tuple[Kind, str], float | None] = {}

    def sized(self, instances: Iterable[DiscInstance], profile: Profile, compress: bool,
              ) -> Sequence[DiscInstance]:
        """As long as they would be."""
        found = disc_instances(self._scratch)
        found.extend(replace(one, span=replace(one.span, length=self._length(
            one, profile, compress))) for one in instances)
        return found

    def _length(self, instance: DiscInstance, profile: Profile, compress: bool) -> int:
        header = instance.header
        allowed = header.transfer_syntax_uid in profile.transfer_syntaxes
        if allowed and not (compress and is_native(header)):
            return instance.span.length
        targets = [uid for uid in profile.preferred
                   if compress or not TRANSFER_SYNTAXES[uid].encapsulated]
        for uid in targets:
            factor = self._factor(_kind(instance), uid)
            if factor is not None:
                return max(1, round(instance.span.length * factor))
        return instance.span.length

    def _factor(self, kind: Kind, uid: str) -> float | None:
        """Bytes after : bytes before; None where no sample could be rewritten."""
        if kind[1] == uid:
            return 1.0
        if (kind, uid) not in self._factors:
            before = after = 0
            for sample in self._samples[kind]:
                if length := self._rewritten(sample.span, uid):
                    before, after = before + sample.span.length, after + length
            self._factors[kind, uid] = after / before if before else None
        return self._factors[kind, uid]

    def _rewritten(self, span: Span, uid: str) -> int:
        target = self._scratch / "sample.dcm"
        answer = self._desk.sandbox.call(CHILD, span=span.as_json(), out=str(target), target=uid,
                                         options=DEFAULT.as_json())
        target.unlink(missing_ok=True)
        return 0 if answer.error else int(answer.value["length"])
