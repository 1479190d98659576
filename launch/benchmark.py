"""Measures this package on this machine: children per hour, memory, overhead, the time of PPO itself, start-up.

    python launch/benchmark.py --json=benchmark.json
    python launch/benchmark.py --only=overhead --full

The default run takes about ten minutes on 2 cores. Other work on the machine distorts the figures.
"""

import json

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.user_code import ImportFlags
from nas_keras._launch.worker_flags import WorkerFlags
from nas_keras.benchmarks.memory import measure_memory
from nas_keras.benchmarks.overhead import measure_overhead
from nas_keras.benchmarks.proposing import measure_proposing
from nas_keras.benchmarks.startup import measure_startup
from nas_keras.benchmarks.throughput import measure_throughput
from nas_keras.errors import check_choice
from nas_keras.evaluators.workers.devices import processor
from nas_keras.system.cgroups import available_cores
from nas_keras.system.output_files import result_file, write_result
from nas_keras.system.words import counted

_PARTS = ("throughput", "memory", "overhead", "proposing", "startup")

_IMPORT = ImportFlags()
_ONLY = flags.DEFINE_list("only", list(_PARTS), f"Parts to run, comma-separated: {', '.join(_PARTS)}.")
_FULL = flags.DEFINE_boolean("full", False, "Use the largest sizes: three rounds of children, and 100,000 trials.")
_JSON = flags.DEFINE_string("json", None, "File to write all figures to.")
_IMAGES = ImageFlags(__file__)
_WORKERS = WorkerFlags(timeout=False)


def main() -> None:
    """Checks the flags, runs the parts one after the other, and prints the figures of each."""
    _IMPORT.load()
    for part in _ONLY.value or [""]:
        check_choice("only", part, _PARTS)
    _WORKERS.check()
    path = result_file("json", _JSON.value)
    images = _IMAGES.images("mnist")
    figures = {"processor": processor(), "cores": available_cores(), "full": _FULL.value}
    print(f"{figures['processor']}, {counted(figures['cores'], 'core')}")
    for part in dict.fromkeys(_ONLY.value):
        print(f"\n{part}", flush=True)
        figures[part], lines = _run(part, images)
        width = max(len(name) for name, _ in lines)
        for name, value in lines:
            print(f"  {name:{width}}  {value}")
    if path:
        text = json.dumps(figures, indent=2) + "\n"
        write_result(path, lambda temporary: temporary.write_text(text), lambda: text)
        print(f"\nAll figures: {path}")


def _run(part: str, images: nk.Images) -> tuple[dict, list[tuple[str, str]]]:
    """Returns the figures of a part and the (name, value) lines that show them."""
    if part == "throughput":
        found = measure_throughput(images, rounds=3 if _FULL.value else 1, workers=_WORKERS.workers)
        return found, _throughput_lines(found)
    if part == "memory":
        found = measure_memory(images, workers=_WORKERS.workers)
        return found, _memory_lines(found)
    if part == "overhead":
        found = measure_overhead(trials=100_000 if _FULL.value else 10_000)
        return found, _overhead_lines(found)
    if part == "proposing":
        found = measure_proposing()
        return found, [
            ("PPO asked for a batch of 8", f"{found['ask']:.1f} ms"),
            ("PPO told of it", f"{found['tell']:.1f} ms"),
            ("200 evaluations of a table, after imports", f"{found['search']:.2f} s"),
        ]
    found = measure_startup(images)
    return found, [
        ("import nas_keras", f"{found['import']:.2f} s"),
        ("import, PPO's first proposals", f"{found['import_and_first_proposals']:.2f} s"),
        ("a worker until it can train", f"{found['worker']:.2f} s"),
    ]


def _throughput_lines(found: dict) -> list[tuple[str, str]]:
    def way(name):
        figures = found[name]
        return f"{figures['children_per_hour']:.0f} children/h, {figures['images_per_second']:,.0f} images/s"

    return [
        (f"plain ({len(found['cells'])} cells, one epoch)", way("plain")),
        ("ours", way("ours")),
        ("ratio", f"{found['ratio']:.2f}"),
        (
            "validation accuracy, ours - plain",
            f"{100 * found['accuracy_gap']:+.3f} +- {100 * found['accuracy_gap_error']:.3f} points",
        ),
        (
            "share of the matrix-product rate",
            f"{found['share_of_matrix_product']:.0%} ({found['gflops']:.0f} of {found['matrix_product_gflops']:.0f} "
            "GFLOP/s)",
        ),
    ]


def _memory_lines(found: dict) -> list[tuple[str, str]]:
    first = found["worker_first"]
    return [
        (f"main process, {found['children']} children", f"{found['main_start']:.0f} to {found['main_end']:.0f} MiB"),
        ("main process, growth", f"{found['main_growth_per_child']:.3f} MiB a child"),
        ("worker, growth until it is replaced", f"{found['worker_growth_per_child']:.2f} MiB a child"),
        (
            f"worker at its start, {counted(found['worker_processes'], 'process')}",
            " ".join(f"{value:.0f}" for value in first) + " MiB",
        ),
    ]


def _overhead_lines(found: dict) -> list[tuple[str, str]]:
    lines = [
        (
            f"with {point['trials']:,} trials in D",
            f"{point['milliseconds_per_trial']:.2f} ms a trial, {point['bytes_per_trial']:.0f} B a trial",
        )
        for point in found["points"]
    ]
    return [*lines, ("a child, with its cache hits", f"{found['milliseconds_per_child']:.2f} ms")]


if __name__ == "__main__":
    script.run(main, interrupted=script.STARTS_OVER)
