"""A released disc comes onto a medium: planned → built → verified → released, or failed.

Only a medium that was read again and is the certified image is ever released.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediasvc.errors import (
    LockedError,
    MediasvcError,
    NotFoundError,
    SettingsError,
    StateError,
)
from mediasvc.span import Span
from mediasvc.standard.profiles import load_profile
from mediasvc.store import burns, discs
from mediasvc.store.burns import Burn, BurnState, Method
from mediasvc.store.discs import Disc
from mediasvc.work.desk import Desk
from mediasvc.work.handing_out.burners import PSEUDO, installed, run
from mediasvc.work.handing_out.readback import PATIENCE, read_back


def find_disc(desk: Desk, words: str) -> Disc:
    """By its number or by the path of its image. Raises NotFoundError; StateError for a disc that
    was never released."""
    with desk.store.read() as connection:
        if words.isdecimal():
            found = discs.disc(connection, int(words))
        else:
            path = str(Path(words).absolute())
            rows = [row for row in discs.discs_at(connection, path) if row.state == "released"]
            if not rows:
                raise NotFoundError("No released disc has that path.",
                                    "mediasvc report exports lists them.")
            found = rows[-1]
    if found.state != "released":
        raise StateError(f"Disc {found.id} is {found.state}, not released.")
    return found


def burn_disc(desk: Desk, disc: Disc, *, by: str, device: str = "", patience: float = PATIENCE,
              ) -> Burn:
    """Burn the image and read it back. Raises StateError or ProofError when it is not released;
    the row then says why."""
    settings = desk.settings.burn
    device = device or settings.device
    if not device:
        raise SettingsError("No drive is named.", "Set burn.device, or say --device.")
    image = require_image(disc)
    burner, program = installed(settings.programs, _medium(desk, disc))
    burner.require_drive(device)
    with alone(desk):
        row = plan(desk, disc, "drive", device, by)
        try:
            run(burner.arguments(program, device, str(image), settings.speed), settings.seconds)
            row = step(desk, row, "built", by, program=burner.name)
            read_back(Path(settings.readback or device.removeprefix(PSEUDO)), image, disc.sha256,
                      patience=patience)
        except BaseException as error:
            fail(desk, row, error, by)
            raise
        row = step(desk, row, "verified", by)
        return step(desk, row, "released", by)


def _medium(desk: Desk, disc: Disc) -> str:
    """Kind of the medium that the disc was made for; empty when its profile is gone."""
    try:
        return load_profile(disc.profile, desk.home.profiles).medium.kind
    except SettingsError:
        return ""


@contextmanager
def alone(desk: Desk) -> Iterator[None]:
    """One medium is written at a time; what a dead process left half-done has failed. Raises
    LockedError."""
    desk.home.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(desk.home.staging / "burn.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError("Another disc is being written.", "Wait for it.") from error
        with desk.store.read() as connection:
            left = [row for row in burns.burns(connection, open_only=True)
                    if row.method != "robot"]
        for row in left:
            step(desk, row, "failed", "recovery", reason="it was interrupted")
        yield
    finally:
        os.close(lock)


def require_image(disc: Disc) -> Path:
    """The image, proven to be the certified one before a medium is spoilt with it."""
    image = Path(disc.path)
    if not image.exists():
        raise StateError(f"The image of disc {disc.id} is not there any more.", "Export it again.")
    if not image.is_file() or image.suffix.lower() != ".iso":
        raise StateError(f"Disc {disc.id} is no ISO image.",
                         "Export to PATH.iso for a drive or a robot, to DIR/ for a stick.")
    if Span.of_file(image).sha256() != disc.sha256:
        raise StateError(f"The image of disc {disc.id} is not the certified one any more.",
                         "Export it again.")
    return image


def step(desk: Desk, row: Burn, to: BurnState, by: str, **columns: str) -> Burn:
    with desk.store.transaction() as connection:
        return burns.change_burn(connection, row.id, expect=row.state, to=to, by=by, **columns)


def fail(desk: Desk, row: Burn, error: BaseException, by: str) -> Burn:
    """The row says why; ours are words, of everything else only the kind is kept."""
    reason = error.text if isinstance(error, MediasvcError) else type(error).__name__
    return step(desk, row, "failed", by, reason=reason)


def plan(desk: Desk, disc: Disc, method: Method, target: str, by: str, copies: int = 1) -> Burn:
    with desk.store.transaction() as connection:
        return burns.plan_burn(connection, disc.id, method=method, target=target, copies=copies,
                               by=by)
