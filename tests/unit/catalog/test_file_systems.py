"""Which file systems a SQLite catalog may lie on."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.catalog.engine import create_catalog_engine
from governance.catalog.file_systems import Reach, mount_of, mounts_of, reach_of, reach_of_kind
from governance.domain.errors import ConfigError

MOUNTINFO = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
30 27 0:40 / /home rw - nfs4 server:/export rw,vers=4.2
31 30 0:41 / /home/local rw - xfs /dev/vdb rw
32 27 0:42 / /mnt/two\040words rw - cifs //server/share rw
33 27 0:43 / /mnt/twice rw - ext4 /dev/vdc rw
34 33 0:44 / /mnt/twice rw - fuse.sshfs user@host:/ rw
35 27 0:45 / /mnt/folder rw - virtiofs share rw
36 27 0:46 / /var/lib/layers rw - overlay overlay rw,lowerdir=/a
"""


def line(point: str, kind: str) -> str:
    escaped = point.replace(" ", r"\040")
    return f"30 27 0:40 / {escaped} rw,relatime - {kind} device rw\n"


@pytest.mark.parametrize(
    ("path", "kind", "reach"),
    [
        ("/srv/catalog.db", "ext4", Reach.LOCAL),
        ("/home/ann/catalog.db", "nfs4", Reach.NETWORK),
        ("/home/local/catalog.db", "xfs", Reach.LOCAL),
        ("/homework/catalog.db", "ext4", Reach.LOCAL),
        ("/mnt/two words/catalog.db", "cifs", Reach.NETWORK),
        ("/mnt/twice/catalog.db", "fuse.sshfs", Reach.NETWORK),
        ("/mnt/folder/catalog.db", "virtiofs", Reach.SHARED),
        ("/var/lib/layers/catalog.db", "overlay", Reach.LOCAL),
    ],
)
def test_the_deepest_mount_decides_and_of_equals_the_last(path: str, kind: str, reach: Reach) -> None:
    mount = mount_of(PurePosixPath(path), MOUNTINFO)
    assert mount is not None
    assert (mount.kind, reach_of_kind(mount.kind)) == (kind, reach)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph", "glusterfs", "lustre"])
def test_every_well_known_network_file_system_is_one(kind: str) -> None:
    assert reach_of_kind(kind) is Reach.NETWORK


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk", "never-heard-of"]
)
def test_local_and_unknown_file_systems_are_accepted(kind: str) -> None:
    assert reach_of_kind(kind) is Reach.LOCAL


@pytest.mark.parametrize("text", ["", "nonsense\n", "1 2 3 - \n", "a - b\n", "22 27 0:21 / /proc rw\n"])
def test_lines_of_another_shape_are_left_out(text: str) -> None:
    assert mounts_of(text) == []
    assert mount_of(PurePosixPath("/x"), text) is None


names = st.lists(st.sampled_from(["a", "b", "ab", "c d"]), max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(points=st.lists(names, min_size=1, max_size=6), path=names)
def test_the_mount_found_is_the_deepest_that_covers_the_path(points: list[str], path: str) -> None:
    text = "".join(line(point, f"kind{number}") for number, point in enumerate(points))
    covering = [(p, n) for n, p in enumerate(points) if f"{path}/".startswith("/" if p == "/" else f"{p}/")]
    found = mount_of(PurePosixPath(path), text)
    if not covering:
        assert found is None
        return
    deepest, last = max(covering, key=lambda entry: (0 if entry[0] == "/" else entry[0].count("/"), entry[1]))
    assert found is not None
    assert (str(found.point), found.kind) == (deepest, f"kind{last}")


def test_an_engine_on_a_network_file_system_is_refused_before_anything_is_created(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(line("/", "ext4") + line(str(tmp_path), "nfs4"))
    with pytest.raises(ConfigError, match="nfs4") as refused:
        create_catalog_engine(f"sqlite:///{tmp_path}/catalog.db", mounts=mounts)
    assert "PostgreSQL" in (refused.value.next_step or "")
    assert not (tmp_path / "catalog.db").exists()


def test_a_symlink_into_a_network_file_system_is_refused_too(tmp_path: Path) -> None:
    far, near, mounts = tmp_path / "far", tmp_path / "near", tmp_path / "mountinfo"
    far.mkdir()
    near.symlink_to(far)
    mounts.write_text(line("/", "ext4") + line(str(far), "cifs"))
    with pytest.raises(ConfigError, match="cifs"):
        create_catalog_engine(f"sqlite:///{near}/catalog.db", mounts=mounts)


@pytest.mark.parametrize("kind", ["ext4", "overlay", "virtiofs", "9p"])
def test_local_and_shared_folders_are_accepted(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(line("/", kind))
    create_catalog_engine(f"sqlite:///{tmp_path}/catalog.db", mounts=mounts).dispose()


def test_a_system_without_mountinfo_counts_as_local(tmp_path: Path) -> None:
    assert reach_of(tmp_path, tmp_path / "absent") == (Reach.LOCAL, "")


def test_this_machine_tells_the_file_system_of_the_temporary_folder(tmp_path: Path) -> None:
    reach, kind = reach_of(tmp_path / "absent.db")
    assert reach is not Reach.NETWORK
    assert kind or not Path("/proc/self/mountinfo").exists()
