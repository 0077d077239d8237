"""One service per home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mediasvc.errors import LockedError
from mediasvc.store.lock import HomeLock

HOLD = ("import sys, time\nfrom pathlib import Path\nfrom mediasvc.store.lock import HomeLock\n"
        "with HomeLock(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n")


def test_the_second_service_is_told_who_holds_the_home(tmp_path: Path) -> None:
    with HomeLock(tmp_path / "mediasvc.lock"):
        with pytest.raises(LockedError, match=f"process {os.getpid()}, since 20") as caught:
            HomeLock(tmp_path / "mediasvc.lock").acquire()
        assert caught.value.exit_code == 11
    with HomeLock(tmp_path / "mediasvc.lock"):
        pass


def test_a_killed_service_leaves_no_lock(tmp_path: Path) -> None:
    lock = tmp_path / "mediasvc.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline() == b"held\n"
    with pytest.raises(LockedError, match=str(holder.pid)):
        HomeLock(lock).acquire()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with HomeLock(lock):
        pass


def test_a_lock_file_with_nonsense_still_locks(tmp_path: Path) -> None:
    lock = tmp_path / "mediasvc.lock"
    with HomeLock(lock):
        lock.write_text("[1]")
        with pytest.raises(LockedError, match="works on this home"):
            HomeLock(lock).acquire()
