"""What one package may cost, shared by the containers nested in it (FAULTS M16–M18, M37)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.errors import BudgetError
from mediasvc.step import step

if TYPE_CHECKING:  # a child gets its limits checked, and pydantic takes 0.14 s to load
    from mediasvc.settings import Limits

#: A small entry may grow by any factor; beyond this the ratio counts.
RATIO_FREE = 64 << 20


class Budget:
    """Counts entries listed, bytes announced and bytes produced; raises BudgetError."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._entries = limits.entries
        self._announced = limits.package_bytes
        self._produced = limits.package_bytes

    def enter(self, entries: int = 1) -> None:
        """``entries`` more files or folders are about to be listed."""
        if entries > self._entries:
            raise BudgetError(
                f"the package has more than {self.limits.entries} files and folders",
                "If it is meant to, raise limits.entries.")
        self._entries -= entries
        step()

    def announce(self, length: int) -> None:
        """A file says that it is ``length`` bytes long."""
        self._announced -= length
        if self._announced < 0:
            raise BudgetError(
                f"the package holds more than {self.limits.package_bytes} bytes",
                "If it is meant to, raise limits.package_bytes.")

    def produce(self, length: int) -> None:
        """``length`` bytes were really unpacked."""
        self._produced -= length
        if self._produced < 0:
            raise BudgetError(
                f"unpacking gave more than {self.limits.package_bytes} bytes",
                "If it is meant to, raise limits.package_bytes.")
        step()

    def too_long(self, length: int) -> bool:
        """Whether one file of that length may not enter at all."""
        return length > self.limits.member_bytes

    def check_ratio(self, consumed: int, produced: int) -> None:
        """``produced`` bytes came out of ``consumed`` so far, for one entry."""
        if produced > self.limits.member_bytes:
            raise BudgetError(f"it is longer than {self.limits.member_bytes} bytes")
        self.check_growth(consumed, produced)

    def check_growth(self, consumed: int, produced: int) -> None:
        """The same for a whole archive that is unpacked in one: only its growth counts."""
        if produced > RATIO_FREE and produced > self.limits.inflate_ratio * max(consumed, 1):
            raise BudgetError(f"it grows more than {self.limits.inflate_ratio} times (a zip bomb?)")
