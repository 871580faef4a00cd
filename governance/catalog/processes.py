"""Who a process is, so that another one on the same machine can tell that it has died."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_BEFORE_STATE: Final = ") "  # the command's name before it may itself hold brackets and blanks; proc_pid_stat(5)
_STATE, _START = 0, 19


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One run of one process.

    Attributes:
        host: Name of the machine, for people.
        pid: Number of the process, within the world of `started`.
        started: "boot:namespace:ticks": which boot of which machine, which world of process numbers (a container
            has its own), and when since the boot it started. "" where the system does not tell.

    """

    host: str
    pid: int
    started: str


def this_process(proc: Path = PROC) -> ProcessId:
    """Say who we are."""
    host, pid = socket.gethostname()[:255], os.getpid()
    world, status = _world(proc), _status(pid, proc)
    started = f"{world}:{status[1]}" if world and status else ""
    return ProcessId(host, pid, started)


def is_dead(other: ProcessId, proc: Path = PROC) -> bool:
    """True only when it is certain: same boot, same world of process numbers, and nobody is left under that number.

    Where the system does not tell, on another machine or in another container, the answer is False.
    """
    world, _, ticks = other.started.rpartition(":")
    if not world or world != _world(proc):
        return False
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass  # somebody else's, or nonsense: the status decides
    status = _status(other.pid, proc)
    return status is not None and (status[1] != ticks or status[0] in "ZX")


def _world(proc: Path) -> str:
    """Give "boot:namespace", "" where unknown."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")
        namespace = (proc / "self/ns/pid").readlink().name
    except (OSError, ValueError):
        return ""
    return f"{boot}:{namespace.removeprefix('pid:').strip('[]')}"


def _status(pid: int, proc: Path) -> tuple[str, str] | None:
    """Give the state's letter and the start in ticks since the boot, None where it cannot be read."""
    try:
        line = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = line.rpartition(_BEFORE_STATE)[2].split()
    return (fields[_STATE], fields[_START]) if len(fields) > _START else None
