"""How much memory a process holds for itself, as Linux counts it."""

import os


def resident_bytes(pid: int | None = None) -> int:
    """Anonymous resident memory of a process: without mapped files, such as libraries and the shared images.

    Args:
        pid: of the process; by default this one.

    Raises:
        ProcessLookupError: if it is gone.
    """
    try:
        with open(f"/proc/{pid or os.getpid()}/status") as file:
            values = dict(line.split(":", 1) for line in file)
    except FileNotFoundError as error:
        raise ProcessLookupError(f"There is no process {pid}.") from error
    return int(values.get("RssAnon", "0 kB").split()[0]) * 1024  # a process that is ending has none
