"""When another process is known to be dead, and when that is not certain."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest

from governance.catalog.processes import ProcessId, is_dead, this_process

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


def test_this_process_is_alive_and_says_the_same_about_itself_twice() -> None:
    me = this_process()
    assert me == this_process()
    assert me.pid == os.getpid()
    assert me.started.count(":") == 2
    assert len(me.started) <= 60
    assert not is_dead(me)


def test_a_process_that_ended_is_dead_before_and_after_its_parent_has_looked(
    started_python: Callable[..., Popen[str]],
) -> None:
    script = (
        "from governance.catalog.processes import this_process as me\n"
        "print(me().pid, me().started, flush=True)\n"
        "input()\n"
    )
    child = started_python(script)
    pid, started = child.stdout.readline().split()
    other = ProcessId("here", int(pid), started)
    assert not is_dead(other)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(other)  # a zombie
    child.wait()
    assert is_dead(other)


def test_a_number_that_another_process_has_now_means_dead() -> None:
    me = this_process()
    world = me.started.rpartition(":")[0]
    assert is_dead(replace(me, started=f"{world}:1"))


def test_nothing_is_certain_about_a_number_that_no_process_can_have() -> None:
    assert not is_dead(replace(this_process(), pid=2**70))


@pytest.mark.parametrize(
    "started",
    [
        "",
        "12345",
        "0123456789abcdef0123456789abcdef:4026531836:1",
        ":1",
    ],
)
def test_nothing_is_certain_about_another_boot_or_machine(started: str) -> None:
    assert not is_dead(ProcessId("elsewhere", 2**22 + 1, started))


def test_nothing_is_certain_about_another_container_on_this_machine() -> None:
    boot, namespace, ticks = this_process().started.split(":")
    assert not is_dead(ProcessId("container", 2**22 + 1, f"{boot}:{int(namespace) + 1}:{ticks}"))


def test_nothing_is_certain_where_the_system_has_no_proc(tmp_path: Path) -> None:
    assert this_process(tmp_path).started == ""
    assert not is_dead(this_process(), tmp_path)


def test_a_process_name_with_brackets_and_blanks_is_read_right(tmp_path: Path) -> None:
    real = Path("/proc/self/stat").read_text(encoding="utf-8")
    head, _, tail = real.rpartition(") ")
    proc = tmp_path / str(os.getpid())
    proc.mkdir()
    (proc / "stat").write_text(f"{head.split(' ')[0]} (a) Z 1 (b) {tail}")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").symlink_to(Path("/proc/self/ns/pid").readlink())
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_bytes(Path("/proc/sys/kernel/random/boot_id").read_bytes())
    assert this_process(tmp_path) == this_process()
    assert not is_dead(this_process(), tmp_path)
