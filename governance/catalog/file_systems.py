"""Which file system a path lies on, and whether SQLite's locks can be trusted there.

WAL needs memory shared between all processes that use the file, so a file that two machines can reach is unsafe
(https://sqlite.org/wal.html, https://sqlite.org/howtocorrupt.html section 2).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "pvfs2", "orangefs", "gfs2", "ocfs2", "moosefs"),
        *("fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.blobfuse", "fuse.blobfuse2", "fuse.goofys"),
        *("fuse.ceph", "fuse.ceph-fuse", "fuse.glusterfs", "fuse.juicefs", "fuse.mfs", "fuse.davfs2", "fuse.curlftpfs"),
        *("fuse.smbnetfs", "fuse.mount-s3", "fuse.mountpoint-s3", "fuse.cvmfs", "fuse.seaweedfs", "fuse.gvfsd-fuse"),
    }
)
SHARED = frozenset({"9p", "virtiofs", "vboxsf", "prl_fs", "fuse.vmhgfs-fuse", "fuse.grpcfuse", "fuse.osxfs", "drvfs"})


class Reach(enum.Enum):
    """Who else can open a file there.

    LOCAL: this machine's kernel only. SHARED: a virtual machine's folder that its host sees too; sound as long as
    only one side opens the file, and the root of some sandboxes, so it is no reason to refuse. NETWORK: other machines.
    """

    LOCAL = "local"
    SHARED = "shared"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo: where it is mounted and the kernel's name of the file system."""

    point: PurePosixPath
    kind: str


def mounts_of(mountinfo: str) -> list[Mount]:
    """Read the text of /proc/self/mountinfo (proc_pid_mountinfo(5)); lines of another shape are left out."""
    found = []
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if separator and len(fields) > 4 and kinds[0]:  # noqa: PLR2004 - the fifth field is the mount point
            found.append(Mount(PurePosixPath(_unescaped(fields[4])), kinds[0]))
    return found


def _unescaped(field: str) -> str:
    """Undo the kernel's octal escapes for blank, tab, newline and backslash."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def mount_of(path: PurePosixPath, mountinfo: str) -> Mount | None:
    """Give the mount that an absolute path without symlinks lies on: the deepest, of equals the last."""
    found: Mount | None = None
    for mount in mounts_of(mountinfo):
        covers = path.is_relative_to(mount.point)
        if covers and (found is None or len(mount.point.parts) >= len(found.point.parts)):
            found = mount
    return found


def reach_of_kind(kind: str) -> Reach:
    """Judge the kernel's name of a file system; an unknown name counts as local."""
    if kind in NETWORK:
        return Reach.NETWORK
    return Reach.SHARED if kind in SHARED else Reach.LOCAL


def reach_of(path: Path, mounts: Path = MOUNTS) -> tuple[Reach, str]:
    """Give the reach of the file system under a path and its name, ("local", "") where the system does not tell.

    The path itself need not exist; symlinks on the way are followed.
    """
    try:
        mountinfo = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return Reach.LOCAL, ""
    mount = mount_of(PurePosixPath(path.resolve()), mountinfo)
    return (Reach.LOCAL, "") if mount is None else (reach_of_kind(mount.kind), mount.kind)
