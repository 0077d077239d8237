"""A person says whose the ordinary files of a package are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mediasvc.errors import NotFoundError, StateError
from mediasvc.model import Patient
from mediasvc.store import ledger
from mediasvc.store.ledger import Package
from mediasvc.work.desk import Desk
from mediasvc.work.wrapping.wrap_drop import IDENTITY, told, wrap_into
from mediasvc.work.wrapping.wrap_file import run_answered
from mediasvc.work.wrapping.wrap_sides import Identities
from mediasvc.work.wrapping.wrap_whose import files_of

NOTHING = "nothing-dicom"


@dataclass(frozen=True, slots=True)
class Answer:
    """``identities`` of given files; ``patient`` where a person named one of the index."""

    identities: Callable[[list[Path]], Identities]
    by: str
    patient: Patient | None = None
    modality: str = ""


def identify(desk: Desk, number: int, answer: Answer) -> list[Package]:
    """Wrap the files of the package and bring them as far as they can go; a package for each
    patient.

    Raises StateError when it does not wait for this, NotFoundError when its files are gone,
    SettingsError.
    """
    with desk.store.read() as connection:
        package = ledger.package(connection, number)
    if (package.state, package.reason) not in (("waiting", IDENTITY), ("failed", NOTHING)):
        raise StateError(f"Package {number} is {package.state}; nobody asks whose its files are.",
                         f"See mediasvc queue show {number}.")
    location = Path(package.location)
    if not location.exists():
        raise NotFoundError(f"The files of package {number} are not there any more.")
    further = wrap_into(desk, package, answer.identities(files_of(desk, location)),
                        answer.modality)
    with desk.store.transaction() as connection:
        ledger.change_state(connection, number, expect=package.state, to="receiving",
                            reason="identified", by=answer.by)
    return [told(desk, run_answered(desk, one, answer.patient, answer.by))
            for one in (number, *further)]
