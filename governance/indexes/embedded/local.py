"""Whether a path lies on a disk of this machine. SQLite's write-ahead log needs memory shared between processes."""

from __future__ import annotations

import re
from pathlib import Path

NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "pvfs2", "orangefs", "gfs2", "ocfs2", "moosefs"),
        *("fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.blobfuse", "fuse.blobfuse2", "fuse.goofys"),
        *("fuse.ceph", "fuse.ceph-fuse", "fuse.glusterfs", "fuse.juicefs", "fuse.mfs", "fuse.davfs2", "fuse.curlftpfs"),
        *("fuse.smbnetfs", "fuse.mount-s3", "fuse.mountpoint-s3", "fuse.cvmfs", "fuse.seaweedfs", "fuse.gvfsd-fuse"),
    }
)
"""As the kernel names them. Folders that a virtual machine shares with its host (9p, virtiofs) are not among them:
the root of some sandboxes is one."""
_MOUNTS = Path("/proc/self/mountinfo")


def network_file_system(path: Path, mountinfo: str | None = None) -> str | None:
    """Give the type of the network file system that holds the path, or None.

    None as well where mounts cannot be read (not Linux).

    Args:
        path: Absolute, symbolic links resolved; it need not exist.
        mountinfo: Text in the form of proc_pid_mountinfo(5); by default this process's own.

    """
    best, found = -1, None
    for point, kind in _mounts(_own_mounts() if mountinfo is None else mountinfo):
        # Of two mounts on one point the later one covers the earlier.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), kind
    return found if found in NETWORK_TYPES else None


def _own_mounts() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _mounts(mountinfo: str) -> list[tuple[Path, str]]:
    mounts = []
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        if separator:
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
            mounts.append((Path(point), after.split(" ")[0]))
    return mounts
