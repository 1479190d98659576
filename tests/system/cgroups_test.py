"""Tests of nas_keras/system/cgroups.py, on copies of the files that Linux writes."""

import pytest

from nas_keras.system import cgroups

_V1 = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n0::/\n"


@pytest.fixture(name="machine")
def _machine(tmp_path, monkeypatch):
    """Pretends to be a machine of eight cores with these files."""

    def pretend(groups, files):
        (tmp_path / "groups").write_text(groups)
        for name, text in files.items():
            path = tmp_path / "mount" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(cgroups, "_PROC", tmp_path / "groups")
        monkeypatch.setattr(cgroups, "_MOUNT", tmp_path / "mount")
        monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))

    return pretend


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/\n", {}, 8),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "1000 1000000\n"}, 1),
        ("0::/\n", {"cpu.max": "1600000 100000\n"}, 8),  # more than there are
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),  # of a group around it
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000\n", "a/cpu.max": "300000 100000\n"}, 2),
        ("0::/a\n", {"ab/cpu.max": "100000 100000\n", "a/c/cpu.max": "100000 100000\n"}, 8),  # of other groups
        ("0::/../../host\n", {"cpu.max": "400000 100000\n"}, 4),
        (_V1, {"cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "300000\n"}, 8),  # the period is missing
        (_V1, {"cpu/docker/abc/cpu.cfs_quota_us": "-1\n", "cpu/docker/abc/cpu.cfs_period_us": "100000\n"}, 8),
        (_V1, {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        (
            _V1,
            {"cpu,cpuacct/docker/cpu.cfs_quota_us": "200000\n", "cpu,cpuacct/docker/cpu.cfs_period_us": "50000\n"},
            4,
        ),
        ("0::/\n", {"cpu.max": "not a number\n"}, 8),
        ("0::/\n", {"cpu.max": "100000 0\n"}, 8),
        ("nonsense\n", {"cpu.max": "100000 100000\n"}, 8),
    ],
)
def test_cores_are_limited_by_the_quota(machine, groups, files, cores):
    machine(groups, files)
    assert cgroups.available_cores() == cores


def test_a_machine_without_control_groups_has_the_cores_of_the_affinity(machine, monkeypatch, tmp_path):
    machine("", {})
    monkeypatch.setattr(cgroups, "_PROC", tmp_path / "missing")
    assert cgroups.available_cores() == 8
    assert cgroups.count_memory_kills() == 0


@pytest.mark.parametrize(
    ("groups", "files", "kills"),
    [
        ("0::/\n", {"memory.events": "low 0\noom 3\noom_kill 4\noom_group_kill 0\n"}, 4),
        ("0::/a\n", {"a/memory.events": "oom_kill 5\n", "memory.events": "oom_kill 9\n"}, 5),
        (_V1, {"memory/docker/abc/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n"}, 6),
        (_V1, {"memory/docker/abc/memory.oom_control": "oom_kill_disable 0\n"}, 0),  # of an older kernel
        ("0::/\n", {"memory.events": "nonsense\n"}, 0),
        ("0::/\n", {}, 0),
    ],
)
def test_processes_killed_for_lack_of_memory_are_counted(machine, groups, files, kills):
    machine(groups, files)
    assert cgroups.count_memory_kills() == kills


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/\n", {}, 2**40),
        ("0::/\n", {"memory.max": "max\n"}, 2**40),
        ("0::/\n", {"memory.max": f"{2**41}\n"}, 2**40),  # more than there is
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": f"{2**33}\n", "memory.max": "max\n"}, 2**33),
        (_V1, {"memory/docker/abc/memory.limit_in_bytes": f"{2**32}\n"}, 2**32),
        (_V1, {"memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n"}, 2**40),  # no limit
    ],
)
def test_memory_is_that_of_the_machine_or_of_a_group(machine, monkeypatch, groups, files, limit):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 2**12, "SC_PHYS_PAGES": 2**28}[name])
    machine(groups, files)
    assert cgroups.available_memory() == limit
