"""What kind of file system a folder lies on, and how much room it has."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from mediasvc.errors import SettingsError, StorageError

#: statfs(2) f_type of file systems that other machines share.
_NETWORK = {
    0x6969: "NFS", 0x517B: "SMB", 0xFF534D42: "CIFS", 0xFE534D42: "SMB2", 0x01021997: "9P",
    0x00C36400: "Ceph", 0x5346414F: "AFS", 0x73757245: "Coda", 0x0BD00BD0: "Lustre",
    0x47504653: "GPFS", 0x7461636F: "OCFS2", 0x01161970: "GFS2", 0x19830326: "BeeGFS",
}
_FUSE = 0x65735546
#: FUSE says in the mount table what is behind it.
_NETWORK_FUSE = ("sshfs", "smb", "cifs", "nfs", "s3fs", "rclone", "gluster", "davfs", "ceph",
                 "gcsfuse", "curlftpfs")


def network_filesystem(path: Path) -> str:
    """The name of the network file system under ``path``, or ``""`` when it is a local one."""
    if sys.platform != "linux":
        return ""
    kind = _statfs_type(path)
    if kind in _NETWORK:
        return _NETWORK[kind]
    if kind == _FUSE:
        mounted = _mounted_as(path)
        return mounted if any(name in mounted for name in _NETWORK_FUSE) else ""
    return ""


def _statfs_type(path: Path) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    answer = (ctypes.c_long * 64)()  # struct statfs begins with f_type, a machine word
    if libc.statfs(os.fsencode(path), ctypes.byref(answer)) != 0:
        code = ctypes.get_errno()
        raise SettingsError(f"The data directory cannot be used: {os.strerror(code)}.")
    return int(answer[0]) & 0xFFFFFFFF


def _mounted_as(path: Path) -> str:
    """The mount table's type of the file system that holds ``path``, e.g. ``fuse.sshfs``."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return "fuse"


def free_bytes(path: Path) -> int:
    """Bytes that we may still write under ``path``."""
    room = os.statvfs(path)
    return room.f_bavail * room.f_frsize


def require_room(path: Path, needed: int, reserve: int = 256 << 20) -> None:
    """Raise StorageError unless ``needed`` bytes fit and ``reserve`` stays free (invariant 24)."""
    free = free_bytes(path)
    if free < needed + reserve:
        raise StorageError(f"Only {free >> 20} MiB are free and {needed + reserve >> 20} MiB are "
                           "needed.", "Make room on the archive's disk; then it goes on.")


def require_same_filesystem(*paths: Path) -> None:
    """Raise SettingsError unless a rename works between all ``paths`` (FAULTS C07)."""
    if len({path.stat().st_dev for path in paths}) > 1:
        raise SettingsError("The folders of the data directory lie on different file systems.",
                            "Everything under --home must be on one, so that moves are atomic.")
