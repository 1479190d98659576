"""Limits by the control groups of this process: cores and memory that it may use, and processes killed for lack of it.

Containers limit their processes by control groups. Both versions of Linux's control groups are read.
"""

import contextlib
import math
import os
import pathlib
from collections.abc import Iterator

_PROC, _MOUNT = pathlib.Path("/proc/self/cgroup"), pathlib.Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Returns how many cores this process may use: by its affinity, and by the quota of its control groups.

    A quota of two and a half cores counts as three: a third process uses the half that two would leave.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *map(math.ceil, _quotas())]))


def available_memory() -> int:
    """Returns the bytes of memory that this process may use: those of the machine, or the limit of a control group."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for folder in _folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):  # of versions 2 and 1
            with contextlib.suppress(OSError, ValueError):  # "max" means no limit
                limits.append(int((folder / name).read_text()))
    return min(limits)


def count_memory_kills() -> int:
    """Returns how many processes of this control group the kernel has killed for lack of memory; 0 if unknown."""
    for folder in _folders("memory"):
        for name in ("memory.events", "memory.oom_control"):  # of versions 2 and 1
            with contextlib.suppress(OSError, ValueError, KeyError):
                return int(dict(line.split() for line in (folder / name).read_text().splitlines())["oom_kill"])
    return 0


def _quotas() -> Iterator[float]:
    """Yields each limit on processor time, in cores, of the group and of those that contain it."""
    for folder in _folders("cpu"):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # "max" means no limit
            quota, period = map(int, (folder / "cpu.max").read_text().split())
            yield quota / period
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota = int((folder / "cpu.cfs_quota_us").read_text())
            if quota > 0:  # -1 means no limit
                yield quota / int((folder / "cpu.cfs_period_us").read_text())


def _folders(controller: str) -> Iterator[pathlib.Path]:
    """Yields the folders of the groups that contain this process, the innermost first.

    Inside a container the group may be named as the host sees it; then the folder of that name is missing, and the
    root of the mount is the container's own group.
    """
    try:
        lines = _PROC.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, name = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Version 2 is mounted at the top. Version 1 is under the names of its controllers, or under each one's own.
        for root in {_MOUNT / controllers, _MOUNT / controller} if controllers else {_MOUNT}:
            innermost = pathlib.Path(os.path.normpath(root / name.strip("/")))
            yield from (folder for folder in [innermost, *innermost.parents] if folder.is_relative_to(root))
            if not innermost.is_relative_to(root):
                yield root
