"""Programs that write an image onto a disc, one row each; the first one that is installed is used.

None of them is asked to blank, to overwrite or to leave the disc open: one file-set for each disc,
in one session (PS3.12 F), and what is not blank is not ours to write on. growisofs alone writes
over a rewritable DVD all the same, unless that has ISO 9660 on it: without a terminal it refuses
then (growisofs(1), NOTES). It knows no CD, and does not start under sudo.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediasvc.errors import SettingsError, StateError

#: (program, device, image, speed) → command
Arguments = Callable[[str, str, str, int], list[str]]
#: Of what a program says, so much is kept when it fails.
SAID = 160
PSEUDO = "stdio:"
_TROUBLE = re.compile(r"\b(FAILURE|FATAL|SORRY|error|cannot|unable|busy|no such)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Burner:
    """``not_for``: kinds of media that the program does not know. ``takes_files``: what is no drive
    becomes a file of that name."""

    name: str
    arguments: Arguments
    not_for: tuple[str, ...] = ()
    takes_files: bool = False

    def require_drive(self, device: str) -> None:
        """Raises SettingsError where a mistyped drive would become a file with patients' images;
        whoever wants a file says ``stdio:``."""
        path = Path(device)
        other = ":" in device or "," in device  # stdio:PATH, mmc:PATH, 1,0,0
        if self.takes_files and not other and not (
                path.is_block_device() or path.is_char_device()):
            raise SettingsError(f"{device} is no drive.", "Name one, such as /dev/sr0.")


def _cdrecord(*mode: str) -> Arguments:
    def arguments(program: str, device: str, image: str, speed: int) -> list[str]:
        fast = [f"speed={speed}"] if speed else []
        return [program, *mode, "-v", f"dev={device}", *fast, image]
    return arguments


def _growisofs(program: str, device: str, image: str, speed: int) -> list[str]:
    return [program, *([f"-speed={speed}"] if speed else []), "-dvd-compat", "-Z",
            f"{device}={image}"]


def _hdiutil(program: str, device: str, image: str, speed: int) -> list[str]:
    return [program, "burn", "-noeject", *(["-speed", str(speed)] if speed else []), "-device",
            device, image]


def _isoburn(program: str, device: str, image: str, speed: int) -> list[str]:
    return [program, "/Q", device, image]


BURNERS = {burner.name: burner for burner in (
    Burner("xorriso", _cdrecord("-as", "cdrecord"), takes_files=True),
    Burner("cdrskin", _cdrecord(), takes_files=True),
    Burner("growisofs", _growisofs, ("cd",)),
    Burner("wodim", _cdrecord("-sao"), ("bd",)),
    Burner("hdiutil", _hdiutil),
    Burner("isoburn", _isoburn),
)}


def installed(programs: Sequence[str], medium: str = "") -> tuple[Burner, str]:
    """The first of ``programs`` that is there and knows this kind of ``medium``, and where. Raises
    SettingsError."""
    others = []
    for name in programs:
        if name not in BURNERS:
            raise SettingsError(f"burn.programs: {name} is unknown.",
                                f"One of {', '.join(BURNERS)}.")
        path = shutil.which(name)
        if path and medium not in BURNERS[name].not_for:
            return BURNERS[name], path
        others += [name] if path else []
    if others:
        raise SettingsError(f"{' and '.join(others)} cannot write a {medium.upper()}.",
                            "Install xorriso (Debian: apt install xorriso).")
    raise SettingsError("No program that burns discs is installed.",
                        f"Install one of {', '.join(programs)} (Debian: apt install xorriso).")


def run(command: Sequence[str], seconds: float) -> None:
    """Wait for the program. Raises StateError in words when it fails or takes too long."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise StateError(f"{name} took longer than {seconds:.0f} seconds and was ended.") from error
    except OSError as error:
        raise StateError(f"{name} could not be started.") from error
    if done.returncode:
        raise StateError(f"{name} failed with code {done.returncode}: {_why(done.stdout)[:SAID]}",
                         "Was a blank medium in the drive? Throw away what was written to.")


def _why(output: bytes) -> str:
    """The first line that names a trouble, for the last ones only say that there was one."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()
             if line.strip()]
    said = next((line for line in lines if _TROUBLE.search(line)), lines[-1] if lines else "")
    return "".join(sign if sign.isprintable() else "?" for sign in said)
