"""Devices of the workers: the GPU that each may use, TensorFlow's faster kernels, and the name of the processor."""

import os
import platform
from typing import Any

from absl import logging

from nas_keras._tensorflow import MIRRORED, make_distribution, tf
from nas_keras.errors import DataError, InvalidValueError, check_workers, shown
from nas_keras.system.cgroups import available_cores

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"  # turns on kernels that are faster and round differently


def worker_environments(workers: int | None, distribute: str) -> list[dict[str, str]]:
    """Makes the environment variables of each worker: its GPU, and TensorFlow's faster kernels.

    Args:
        workers: number of workers; None: one for each GPU, or else each CPU core.
        distribute: "none" or "mirrored".

    Raises:
        InvalidValueError: for a number of workers that is not allowed, or "mirrored" without several devices.
    """
    check_workers(workers)
    common = {
        # Children train about twice as fast with oneDNN, which TensorFlow leaves off on some processors. The user's own
        # setting takes precedence.
        ONEDNN: os.environ.get(ONEDNN, "1"),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }
    make_distribution(distribute)
    if distribute == MIRRORED:
        if workers not in (None, 1):
            raise InvalidValueError(
                f"workers={workers} with distribute='mirrored': one child takes all devices; use 1."
            )
        return [common]
    gpus = tf.config.list_physical_devices("GPU")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(str(i) for i in range(len(gpus)))
    names = visible.split(",")[: len(gpus)]
    count = workers or len(gpus) or available_cores()
    return [{**common, **({"CUDA_VISIBLE_DEVICES": names[i % len(names)]} if gpus else {})} for i in range(count)]


def restore_kernels(environments: list[dict[str, str]], recorded: dict[str, Any]) -> None:
    """Gives workers that have not started yet the kernels with which a run or table began.

    Args:
        environments: environment variables of each worker; changed in place.
        recorded: the environment that the run or table recorded.

    Raises:
        DataError: if the recorded value is not a text.
    """
    kernels = recorded.get("onednn", environments[0][ONEDNN])
    if not isinstance(kernels, str):
        raise DataError(f"The recorded environment has onednn={shown(kernels)}, where a text such as '1' is expected.")
    if kernels != environments[0][ONEDNN]:
        logging.warning("The run began with %s=%s, which is restored for its workers.", ONEDNN, kernels)
    for variables in environments:
        variables[ONEDNN] = kernels


def processor() -> str:
    """Names the processor and its vector instructions, which determine the order in which oneDNN sums."""
    try:
        with open("/proc/cpuinfo") as file:
            about = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    about = {name.strip(): value.strip() for name, value in about.items()}
    flags = about.get("flags", "").split()
    vectors = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if name in flags]
    return " ".join([about.get("model name", platform.machine()), *vectors])
