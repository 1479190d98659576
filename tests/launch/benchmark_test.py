"""Tests of launch/benchmark.py and nas_keras/benchmarks: the real script, on fewer and smaller children."""

import json

import pytest
from helpers import ROOT, run_launch_many, run_python

_SHRUNK = """
import functools, importlib.util, sys
from absl import flags
from helpers import tiny_images
from nas_keras.benchmarks import throughput
spec = importlib.util.spec_from_file_location("script", sys.argv[1])
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)
script._IMAGES.images = lambda dataset: tiny_images(count=4096)
throughput.CELLS = {name: throughput.CELLS[name] for name in list(throughput.CELLS)[-2:]}
throughput._MATRIX = 256
script.measure_memory = functools.partial(script.measure_memory, children=8)
script.measure_overhead = lambda trials: measure_overhead(trials=trials // 100)
from nas_keras.benchmarks.overhead import measure_overhead
script.measure_proposing = functools.partial(script.measure_proposing, batches=6, seeds=1)
script.measure_startup = functools.partial(script.measure_startup, repeats=1)
flags.FLAGS(["benchmark", "--json=" + sys.argv[2]])
script.main()
"""


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory):
    path = tmp_path_factory.mktemp("benchmark") / "figures.json"
    done = run_python(_SHRUNK, ROOT / "launch" / "benchmark.py", path, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(path.read_text())


def test_every_part_is_printed_and_every_figure_written(run):
    output, figures = run
    for part in ("throughput", "memory", "overhead", "proposing", "startup"):
        assert f"\n{part}\n" in output and figures[part]
    assert figures["processor"] in output and figures["cores"] >= 1 and figures["full"] is False


def test_the_two_ways_train_the_same_children(run):
    found = run[1]["throughput"]
    assert found["cells"] == ["max_pool_2x2, conv_3x3", "identity, conv_3x3"]
    for way in ("plain", "ours"):
        assert len(found[way]["valid_accuracies"]) == 2 and min(found[way]["valid_accuracies"]) > 0.3  # 0.25 by chance
        assert found[way]["children_per_hour"] == pytest.approx(3600 * 2 / found[way]["seconds"])
        assert found[way]["images_per_second"] == pytest.approx(2 * 4096 / found[way]["seconds"])
    assert found["ratio"] == pytest.approx(found["plain"]["seconds"] / found["ours"]["seconds"])
    assert 0 < found["share_of_matrix_product"] < 1
    assert f"{found['ratio']:.2f}" in run[0]


def test_memory_overhead_and_startup_are_of_this_world(run):
    memory, overhead, startup = (run[1][part] for part in ("memory", "overhead", "startup"))
    assert memory["children"] == 8 and 100 < memory["main_start"] <= memory["main_end"] + 50
    assert memory["worker_processes"] >= 1 and min(memory["worker_first"]) > 50
    (point,) = overhead["points"]
    assert point["trials"] >= 100 and 0 < point["milliseconds_per_trial"] < 1000
    proposing = run[1]["proposing"]
    assert 1 < proposing["ask"] + proposing["tell"] < 1e3 * proposing["search"]
    assert 0 < startup["import"] < startup["import_and_first_proposals"]
    assert startup["worker"] > 0.5


def test_wrong_flags_are_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "file").write_text("")
    cases = {
        "--only=speed": "only='speed' is unknown. Allowed: throughput, memory, overhead, proposing, startup",
        f"--json={tmp_path}": f"--json={tmp_path} cannot be written. Name a file in a folder that can.",
        f"--json={tmp_path}/none/b.json": f"--json={tmp_path}/none/b.json cannot be written.",
        "--data_dir=/nowhere": "/nowhere",
    }
    answers = run_launch_many("benchmark.py", [[flag] for flag in cases])
    for (error, output), says in zip(answers, cases.values(), strict=True):
        assert error and says in error[1]
        assert "throughput" not in output
