"""The anonymous resident memory of a process, as Linux counts it."""

import os


def resident_bytes(pid: int | None = None) -> int:
    """Returns the anonymous resident memory of a process in bytes: without mapped files such as shared images.

    Args:
        pid: process identifier; None: this process.

    Raises:
        ProcessLookupError: if there is no such process.
    """
    try:
        with open(f"/proc/{pid or os.getpid()}/status") as file:
            values = dict(line.split(":", 1) for line in file)
    except FileNotFoundError as error:
        raise ProcessLookupError(f"There is no process {pid}.") from error
    return int(values.get("RssAnon", "0 kB").split()[0]) * 1024  # missing for a process that is ending
