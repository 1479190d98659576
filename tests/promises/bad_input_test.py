"""What a user may get wrong, as two tables: flags of the launch scripts, and calls of the public API.

Each row is refused before any work is done or file written; the message says the value, what is allowed and the way
out, and a script ends with exit code 2 and no traceback. The scripts run their real `main` through `_script.run`, here
in one process, since starting Python and TensorFlow anew for each row would take minutes.
"""

import contextlib
import importlib.util
import io
import json
import signal
import sys

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from helpers import ROOT, grid, run_launch, tiny_images

import nas_keras as nk
from nas_keras._launch import script as _script
from nas_keras.comparison import compare
from nas_keras.data.tfds_pixels import SplitReader
from nas_keras.evaluators.base import Evaluator
from nas_keras.evaluators.training import make_recipe
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.spaces import operations
from nas_keras.storage.table_writer import write_table

HUGE = 10**30
NAN, INF = float("nan"), float("inf")


# --- The world in which it goes wrong -----------------------------------------------------------------------------


class _Failing(Evaluator):
    """As a training of children, of which none succeeds."""

    def __init__(self, recipe):
        self.recipe = recipe

    def evaluate(self, jobs):
        for job in jobs:
            yield job, nk.Evaluation.failure("diverged")


def _write_table(path, space, recipe):
    trials = [
        nk.Trial(i, 0, 0, 0, actions, (), space.key(actions), False, nk.Evaluation(i / 100, valid_accuracy=i / 100))
        for i, actions in enumerate(space.enumerate(distinct=True))
    ]
    write_table(path, trials, space=space, recipe=recipe)


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory):
    """A folder with a run, tables and the like; no row may change anything in it."""
    world = tmp_path_factory.mktemp("world")
    (world / "file").write_text("precious")
    (world / "things").mkdir()
    (world / "things" / "thesis.txt").write_text("precious")
    (world / "empty").mkdir()
    (world / "pictures").mkdir()
    for name in ("heat_map.svg", "rewards.svg"):
        (world / "pictures" / name).write_text("precious")
    (world / "link.csv").symlink_to("rewards.npz")
    (world / "empty_table").mkdir()
    (world / "empty_table" / "recipe.json").write_text('{"recipe": {}, "space": "0"}')
    one = nk.FunctionEvaluator(lambda _: 1.0, recipe={"function": "one"})
    nk.search(grid(4), one, strategy="random", workdir=world / "run")
    nk.search(nk.spaces.small(), one, strategy="random", max_evaluations=8, workdir=world / "small_run")
    recipe = make_recipe(tiny_images(count=64), nk.ChildConfig(), nk.TrainConfig(), "none")
    failing = _Failing(recipe)
    nk.search(nk.spaces.small(), failing, strategy="random", max_evaluations=1, workdir=world / "failed")
    for name, change in {"newer": {"format": 99}, "strange": {"fixed": {"space": 3}}}.items():
        (world / name).mkdir()
        config = json.loads((world / "run" / "config.json").read_text())
        (world / name / "config.json").write_text(json.dumps({**config, **change}))
    for name, content in {"broken": b"{", "no_text": b"\xff\xfe{}"}.items():
        (world / name).mkdir()
        (world / name / "config.json").write_bytes(content)
    _write_table(world / "table", nk.spaces.small(), {"function": "f"})
    _write_table(world / "large_table", nk.spaces.large(1), {"function": "f"})
    _write_table(world / "trained_table", nk.spaces.small(), recipe)
    encodings = np.array([[a, b] for a in (0, 1) for b in (0, 1)])
    np.savez(world / "rewards.npz", n_choices=np.array([2, 2]), enc=encodings, runs=np.arange(4.0))
    np.savez(world / "pickled.npz", n_choices=np.array([{"a": 1}], dtype=object), enc=encodings)
    np.savez(world / "short.npz", n_choices=np.array([2, 3]), enc=encodings, runs=np.arange(4.0))
    np.save(world / "single.npy", encodings)
    return world


@pytest.fixture(name="work")
def _work(monkeypatch):
    """The work that was begun: images read, children or searches started."""
    begun = []

    def read(self, split, rows=None, labels=None):
        begun.append(f"read {split}")
        images = np.full([64, *self.shape], len(split), np.uint8)  # other pixels in another split
        return images, np.arange(64, dtype=np.int32) % 10

    monkeypatch.setattr(SplitReader, "read", read)
    monkeypatch.setattr(SplitReader, "labels", lambda *_: np.arange(10, dtype=np.int32))
    monkeypatch.setattr(WorkerPool, "_submit", lambda *_, **__: begun.append("child"))
    monkeypatch.setattr(compare._CurveSearcher, "search", lambda *_: begun.append("search"))
    monkeypatch.setattr(nk.FunctionEvaluator, "evaluate", lambda *_: begun.append("function"))
    monkeypatch.setattr(nk.TableEvaluator, "evaluate", lambda *_: begun.append("table"))
    return begun


def _listing(folder):
    """Everything in a folder, with its size and time."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")
    }


def _call(script, arguments):
    """(exit code, what was printed, what was printed to stderr) of a launch script."""
    spec = importlib.util.spec_from_file_location(f"launch_{script}", ROOT / "launch" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    saved = flagsaver.save_flag_values()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    was_parsed, argv = flags.FLAGS.is_parsed(), sys.argv
    output, errors = io.StringIO(), io.StringIO()
    try:
        sys.argv = [str(ROOT / "launch" / f"{script}.py"), *arguments]
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as ended:
            spec.loader.exec_module(module)
            _script.run(module.main)
    finally:
        sys.argv = argv
        flagsaver.restore_flag_values(saved)
        if not was_parsed:
            flags.FLAGS.unparse_flags()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return ended.value.code or 0, output.getvalue(), errors.getvalue()


# --- Scripts ------------------------------------------------------------------------------------------------------

# Script, flags, the value as the message gives it, what is allowed and the way out. `{w}` is the world.
FLAGS = [
    # search: what is searched, and how
    ("search", "--workdir=", "--workdir is missing", "name the folder of the run, such as --workdir=runs/mnist."),
    ("search", "--space=", "space=''", "Allowed: small, large."),
    ("search", "--space=Small", "space='Small'", "Allowed: small, large."),
    ("search", "--space=large3", "space='large3'", "Allowed: small, large."),
    ("search", "--space=large --num_nodes=-1", "num_nodes=-1", "an integer of at least 1."),
    ("search", f"--space=large --num_nodes={HUGE}", f"num_nodes={HUGE}", "the large space takes 1 to 8 nodes."),
    ("search", "--num_nodes=2.5", "--num_nodes=2.5", "--help"),
    ("search", "--num_nodes=3", "--num_nodes=3", "is for --space=large; the small space has two."),
    ("search", "--strategy=", "strategy=''", "Allowed: ppo, random, reinforce, "),
    ("search", "--strategy=PPO", "strategy='PPO'", "Allowed: ppo, random, reinforce, "),
    ("search", "--strategy_config=a", "--strategy_config='a'", "write key=value,..., each key once."),
    ("search", "--strategy_config==1", "has no setting ''", "It has: learning_rate, clip, "),
    ("search", "--strategy_config=steps=", "steps=''", "it must be of type int."),
    ("search", "--strategy_config=steps=1.5", "steps='1.5'", "it must be of type int."),
    ("search", "--strategy_config=learning_rate=nan", "learning_rate=nan", "a number of at least 0."),
    ("search", "--strategy_config=learning_rate=inf", "learning_rate=inf", "a number of at least 0."),
    ("search", f"--strategy_config=units={HUGE}", f"units={HUGE}", "an integer of at most 4,096."),
    ("search", "--strategy_config=distribute=all", "distribute='all'", "Allowed: none, mirrored."),
    ("search", "--strategy_config=advantages=best", "advantages='best'", "Allowed: "),
    ("search", "--strategy=random --strategy_config=steps=1", "has no setting 'steps'", "It has: none."),
    ("search", "--strategy=evolution --strategy_config=population=0", "population=0", "an integer of at least 1."),
    (
        "search",
        f"--strategy=evolution --strategy_config=population={HUGE}",
        f"population={HUGE}",
        "an integer of at most 1,000,000.",
    ),
    ("search", "--strategy=progressive --strategy_config=beam=-2", "beam=-2", "an integer of at least 1."),
    ("search", "--strategy=reinforce --strategy_config=decay=1", "decay=1.0", "at least 0 and less than 1."),
    ("search", "--seed=-1", "seed=-1", "an integer from 0 to 2**31 - 1."),
    ("search", f"--seed={HUGE}", f"seed={HUGE}", "an integer from 0 to 2**31 - 1."),
    ("search", "--seed=0x", "--seed=0x", "--help"),
    ("search", "--max_evaluations=0", "max_evaluations=0", "an integer of at least 1."),
    ("search", "--max_evaluations=1e3", "--max_evaluations=1e3", "--help"),
    ("search", f"--max_evaluations={HUGE}", f"max_evaluations={HUGE}", "an integer of at most 1,000,000,000,000."),
    ("search", "--max_trials=-1", "max_trials=-1", "an integer of at least 1."),
    ("search", "--batch_size=0", "batch_size=0", "an integer of at least 1."),
    ("search", f"--batch_size={HUGE}", f"batch_size={HUGE}", "an integer of at most 10,000."),
    ("search", "--lag=-1", "lag=-1", "an integer of at least 0."),
    ("search", f"--lag={HUGE}", f"lag={HUGE}", "an integer of at most 100."),
    ("search", "--max_params=0", "max_params=0", "an integer of at least 1."),
    ("search", "--max_params=2e4", "--max_params=2e4", "--help"),
    ("search", "--max_flops=-1", "max_flops=-1.0", "a number of at least 1."),
    ("search", "--max_flops=nan", "max_flops=nan", "a number of at least 1."),
    ("search", "--max_latency_ms=0", "max_latency_ms=0.0", "a number of at least 0.001."),
    ("search", "--objective=loss", "objective='loss'", "Write accuracy, or accuracy*(params/20000)^-0.07"),
    ("search", "--objective=accuracy/params", "objective='accuracy/params'", "'/params' is unclear."),
    # search: where rewards come from
    ("search", "--reward=Table", "reward='Table'", "Allowed: train, table."),
    ("search", "--reward=train --table={w}/table", "--table={w}/table", "is for --reward=table; leave it out"),
    ("search", "--missing=error", "--missing=error", "is for --reward=table; leave it out"),
    ("search", "--reward=table --missing=guess", "missing='guess'", "Allowed: error, train."),
    ("search", "--reward=table --epochs=1", "--epochs=1", "is for --reward=train"),
    ("search", "--reward=table --final_epochs=0 --workers=2", "--workers=2", "trains none. Leave it out."),
    ("search", "--reward=table --final_epochs=0 --dataset=cifar10", "--dataset=cifar10", "trains none. Leave it out."),
    ("search", "--reward=table --final_epochs=0 --image_size=9,9", "--image_size=9,9", "trains none. Leave it out."),
    ("search", "--reward=table --final_epochs=0 --table={w}/nowhere", "{w}/nowhere", "Name a table's folder."),
    ("search", "--reward=table --final_epochs=0 --table={w}/file", "{w}/file", "Name a table's folder."),
    ("search", "--reward=table --final_epochs=0 --table={w}/run", "{w}/run", "Name a table's folder."),
    ("search", "--reward=table --final_epochs=0 --table={w}/empty_table", "{w}/empty_table", "Name a table's folder."),
    (
        "search",
        "--reward=table --final_epochs=0 --table={w}/large_table",
        "{w}/large_table",
        "Choose the space of the table, or another table.",
    ),
    (
        "search",
        "--reward=table --space=large --num_nodes=8",
        "--num_nodes=8",
        "Name the folder of one, or use --reward=train.",
    ),
    ("search", "--dataset=", "name=''", "such as 'mnist'."),
    ("search", "--dataset=mnits", "name='mnits'", "Close: mnist"),
    ("search", "--dataset=../mnist", "name='../mnist'", ""),
    ("search", "--dataset=mnist:9.9.9", "name='mnist:9.9.9'", ""),
    ("search", "--dataset=huggingface:mnist", "name='huggingface:mnist'", "community namespaces are not supported."),
    ("search", "--data_dir={w}/file", "data_dir='{w}/file'", "Name the folder of prepared data sets."),
    ("search", "--data_dir={w}/empty", "{w}/empty", "Pass download=True (--download)"),
    ("search", "--download=perhaps", "--download=perhaps", "--help"),
    ("search", "--image_size=3", "--image_size=3", "write height,width in pixels, such as 32,32."),
    ("search", "--image_size=3,3,3", "--image_size=3,3,3", "write height,width in pixels, such as 32,32."),
    ("search", "--image_size=-3,3", "--image_size=-3,3", "write height,width in pixels, such as 32,32."),
    ("search", "--image_size=²,3", "--image_size=²,3", "write height,width in pixels, such as 32,32."),
    ("search", "--image_size=0,3", "image_size=0", "an integer of at least 1."),
    ("search", "--image_size=99999999999,3", "image_size=99999999999", "an integer of at most 10,000."),
    ("search", "--epochs=0", "epochs=0", "an integer of at least 1."),
    ("search", f"--epochs={HUGE}", f"epochs={HUGE}", "an integer of at most 10,000."),
    ("search", "--filters=-8", "filters=-8", "an integer of at least 1."),
    ("search", f"--filters={HUGE}", f"filters={HUGE}", "an integer of at most 4,096."),
    ("search", "--workers=0", "workers=0", "an integer of at least 1."),
    ("search", f"--workers={HUGE}", f"workers={HUGE}", "an integer of at most 1,024."),
    ("search", "--child_timeout=-1", "child_timeout=-1.0", "a number of at least 1."),
    ("search", "--child_timeout=nan", "child_timeout=nan", "a number of at least 1."),
    ("search", "--child_timeout=inf", "child_timeout=inf", "a number of at least 1."),
    ("search", "--child_timeout=1e300", "child_timeout=1e+300", "a number of at most 1,000,000."),
    ("search", "--precision=float64", "precision='float64'", "Allowed: float32, mixed_float16, mixed_bfloat16."),
    ("search", "--jit_compile=2", "--jit_compile=2", "--help"),
    ("search", "--distribute=mirror", "distribute='mirror'", "Allowed: none, mirrored."),
    # search: where results go
    ("search", "--workdir={w}/file", "workdir='{w}/file'", "Name a folder."),
    ("search", "--workdir={w}/file/run", "workdir='{w}/file/run'", "Name a folder."),
    ("search", "--workdir={w}/things", "workdir='{w}/things'", "Name an empty or new folder."),
    ("search", "--workdir={w}/" + "x" * 300, "x" * 100, "Name a shorter one."),
    ("search", "--workdir={w}/run[1]", "workdir='{w}/run[1]'", "Rename the folder"),
    ("search", "--workdir=gs://bucket/run", "workdir='gs://bucket/run'", "Name a local folder"),
    ("search", "--workdir={w}/\udcff", "its name is not UTF-8", "Rename it"),
    ("search", "--workdir=~nobody_of_this_name/run", "there is no such home folder", "write './~nobody"),
    ("precompute_rewards", "--table=gs://bucket/table", "table='gs://bucket/table'", "Name a local folder"),
    ("repair", "--folder=gs://bucket/run", "folder='gs://bucket/run'", "Name a local folder"),
    ("export_best", "--workdir={w}/run[1]", "{w}/run[1] is not a run folder", "Name the folder of a search"),
    ("search", "--final_epochs=-1", "final_epochs=-1", "an integer of at least 0."),
    ("search", f"--final_epochs={HUGE}", f"epochs={HUGE}", "an integer of at most 10,000."),
    ("search", "--reward=table --final_epochs=0 --warm_start_from={w}/file", "{w}/file", "Name the folder of one."),
    ("search", "--reward=table --final_epochs=0 --warm_start_from={w}/run", "{w}/run", "of the same space."),
    (
        "search",
        "--reward=table --final_epochs=0 --table={w}/table --warm_start_from={w}/small_run",
        "function: one before, f now",
        "Name a run or table of the same recipe.",
    ),
    ("search", "--warm_start_from={w}/new", "--workdir={w}/new", "reads, and would be changed."),
    ("search", "--reward=table --table={w}/../{n}/new", "--workdir={w}/new", "reads, and would be changed."),
    ("search", "--warm_start=x", "'warm_start'", "Did you mean: warm_start_from"),
    ("search", "runs/mnist", "'runs/mnist'", "Flags are written --name=value; see --help."),
    # export_best
    ("export_best", "", "--workdir is missing", "such as --workdir=runs/mnist."),
    ("export_best", "--workdir={w}/nowhere", "{w}/nowhere is not a run folder", "Name the folder of a search."),
    ("export_best", "--workdir={w}/file", "{w}/file is not a run folder", "Name the folder of a search."),
    ("export_best", "--workdir={w}/table", "{w}/table is not a run folder", "Name the folder of a search."),
    ("export_best", "--workdir={w}/run", "do not come from trained children", "there is no child to train longer"),
    ("export_best", "--workdir={w}/failed", "{w}/failed", "has no child that was trained. Search first."),
    ("export_best", "--workdir={w}/broken", "{w}/broken/config.json", "Restore it from a copy"),
    ("export_best", "--workdir={w}/no_text", "{w}/no_text/config.json", "Restore it from a copy"),
    ("export_best", "--workdir={w}/newer", "format 99", "Use the version that wrote it, or another workdir."),
    ("export_best", "--workdir={w}/failed --top=0", "top=0", "an integer of at least 1."),
    ("export_best", "--workdir={w}/failed --epochs=0", "epochs=0", "an integer of at least 1."),
    ("export_best", f"--workdir={{w}}/failed --epochs={HUGE}", f"epochs={HUGE}", "an integer of at most 10,000."),
    ("export_best", "--workdir={w}/failed --workers=-1", "workers=-1", "an integer of at least 1."),
    # precompute_rewards
    ("precompute_rewards", "", "--table is missing", "such as --table=runs/table."),
    ("precompute_rewards", "--table={w}/file", "{w}/file is a file", "Name a folder for the table."),
    ("precompute_rewards", "--table={w}/things", "{w}/things holds files", "Name an empty or new folder."),
    ("precompute_rewards", "--table={w}/t --space=tiny", "space='tiny'", "Allowed: small, large."),
    ("precompute_rewards", "--table={w}/t --space=large --num_nodes=5", "--num_nodes=5", "use 1 to 4 nodes."),
    ("precompute_rewards", "--table={w}/t --shard=0/3", "--shard='0/3'", "write i/n with 1 <= i <= n, such as 2/3."),
    ("precompute_rewards", "--table={w}/t --shard=4/3", "--shard='4/3'", "write i/n with 1 <= i <= n, such as 2/3."),
    ("precompute_rewards", "--table={w}/t --shard=1/0", "--shard='1/0'", "write i/n with 1 <= i <= n, such as 2/3."),
    ("precompute_rewards", "--table={w}/t --shard=1", "--shard='1'", "write i/n with 1 <= i <= n, such as 2/3."),
    ("precompute_rewards", "--table={w}/t --recipe=best", "recipe='best'", "Allowed: mnist_v1"),
    ("precompute_rewards", "--table={w}/t --seeds=0", "seeds=0", "an integer of at least 1."),
    ("precompute_rewards", f"--table={{w}}/t --seeds={HUGE}", f"seeds={HUGE}", "an integer of at most 100."),
    ("precompute_rewards", "--table={w}/t --cells=9,9", "'9'", "Keys look like"),
    ("precompute_rewards", "--table={w}/t --workers=0", "workers=0", "an integer of at least 1."),
    ("precompute_rewards", "--table={w}/t --child_timeout=nan", "child_timeout=nan", "a number of at least 1."),
    ("precompute_rewards", "--table={w}/t --data_dir={w}/empty", "{w}/empty", "Pass download=True (--download)"),
    ("precompute_rewards", "--table={w}/t --merge={w}/table,{w}/t", "--table={w}/t", "reads, and would be changed."),
    ("precompute_rewards", "--table={w}/t --take_from={w}/t", "--table={w}/t", "reads, and would be changed."),
    ("precompute_rewards", "--table={w}/t --merge={w}/empty", "{w}/empty", "Name a table's folder."),
    ("precompute_rewards", "--table={w}/t --merge={w}/table,{w}/large_table", "{w}/large_table", "Name the space"),
    ("precompute_rewards", "--table={w}/t --merge={w}/table,{w}/trained_table", "{w}/trained_table", "of one recipe"),
    # report
    ("report", "", "--table is missing", "such as --table=runs/table."),
    ("report", "--table={w}/nowhere --output={w}/page", "{w}/nowhere", "Name a table's folder."),
    ("report", "--table={w}/file --output={w}/page", "{w}/file", "Name a table's folder."),
    ("report", "--table={w}/run --output={w}/page", "{w}/run", "Name a table's folder."),
    (
        "report",
        "--table={w}/large_table --output={w}/page",
        "{w}/large_table",
        "Name the space that the table was made for.",
    ),
    ("report", "--table={w}/table --output={w}/file", "{w}/file is a file", "Name a folder for the page."),
    ("report", "--table={w}/table --output={w}/file/page", "{w}/file is a file", "Name a folder for the page."),
    ("report", "--table={w}/table --output={w}/table", "--output={w}/table", "reads, and would be changed."),
    ("report", "--runs={w}/run --output={w}/things/../run", "things/../run", "reads, and would be changed."),
    ("report", "--table={w}/table --output={w}/pictures", "{w}/pictures/heat_map.svg exists", "or name another folder"),
    (
        "report",
        "--runs={w}/small_run --output={w}/pictures",
        "{w}/pictures/rewards.svg exists",
        "or name another folder",
    ),
    ("report", "--table={w}/table --output={w}/" + "x" * 300, "xxxx...", "Name a shorter one."),
    ("report", "--table={w}/table --output={w}/page --searches=-1", "searches=-1", "an integer of at least 0."),
    ("report", "--table={w}/table --output={w}/page --batches=0", "batches=0", "an integer of at least 1."),
    ("report", "--table={w}/table --output={w}/page --num_nodes=2", "--num_nodes=2", "the small space has two."),
    # benchmark
    ("benchmark", "--only=", "only=''", "Allowed: throughput, memory, overhead, proposing, startup."),
    ("benchmark", "--only=speed", "only='speed'", "Allowed: throughput, memory, overhead, proposing, startup."),
    ("benchmark", "--only=memory --workers=0", "workers=0", "an integer of at least 1."),
    ("benchmark", "--only=memory --json={w}", "--json={w}", "Name a file in a folder that can."),
    ("benchmark", "--only=memory --json={w}/nowhere/b.json", "--json={w}/nowhere/b.json", "Name a file in a folder"),
    ("benchmark", "--only=memory --data_dir={w}/file", "data_dir='{w}/file'", "Name the folder of prepared data sets."),
    # compare_strategies
    ("compare_strategies", "", "there is none", "Name one of --table, --synthetic and --npz"),
    ("compare_strategies", "--synthetic=a-2x8-0 --table=t", "--table=t and --synthetic=a-2x8-0", "Name one of"),
    ("compare_strategies", "--synthetic=pairwise", "'pairwise'", "such as pairwise-8x3-0"),
    ("compare_strategies", "--synthetic=flat-2x8-0", "family='flat'", "Allowed: additive, pairwise, "),
    ("compare_strategies", "--synthetic=noisy-9x9-0", "shape='9x9'", "Allowed: 2x8, 6x5, "),
    ("compare_strategies", f"--synthetic=noisy-2x8-{HUGE}", f"noisy-2x8-{HUGE}", "numbers from 0."),
    ("compare_strategies", "{s} --npz_array=r", "--npz_array", "are for --npz"),
    ("compare_strategies", "{s} --strategies=", "''", "Write ppo,evolution,random."),
    ("compare_strategies", "{s} --strategies=random,,ppo", "random,,ppo", "Write ppo,evolution,random."),
    ("compare_strategies", "{s} --strategies=random,random", "'random,random'", "Name each once."),
    ("compare_strategies", "{s} --strategies=tabu", "strategy='tabu'", "Allowed: ppo, "),
    ("compare_strategies", "{s} --strategies=:a=1", "':a=1'", "write strategy:setting=value"),
    ("compare_strategies", "{s} --strategies=random,:a=1", "':a=1'", "write strategy:setting=value"),
    ("compare_strategies", "{s} --strategies=evolution:population", "'evolution:population'", "write strategy:setting"),
    ("compare_strategies", "{s} --strategies=evolution:population=0", "population=0", "an integer of at least 1."),
    ("compare_strategies", "{s} --reference=ppo,random", "reference='ppo,random'", "Allowed: ppo_predictor, ppo, "),
    ("compare_strategies", "{s} --budgets=", "--budgets=", "write whole numbers from 1, such as 50,100,200."),
    ("compare_strategies", "{s} --budgets=9,-1", "--budgets=9,-1", "write whole numbers from 1, such as 50,100,200."),
    ("compare_strategies", f"{{s}} --budgets={HUGE}", f"max_evaluations={HUGE}", "an integer of at most 100,000,000."),
    ("compare_strategies", "{s} --seeds=0", "seeds=0", "an integer of at least 1."),
    ("compare_strategies", "{s} --seeds=10000000", "seeds=10000000", "Use fewer seeds or smaller budgets."),
    ("compare_strategies", "{s} --batch_size=0", "batch_size=0", "an integer of at least 1."),
    ("compare_strategies", f"{{s}} --processes={HUGE}", f"processes={HUGE}", "an integer of at most 1,024."),
    ("compare_strategies", "{s} --csv={w}/a.svg --picture={w}/a.svg", "{w}/a.svg", "are the same file"),
    (
        "compare_strategies",
        "--npz={w}/rewards.npz --csv={w}/rewards.npz",
        "--csv={w}/rewards.npz",
        "Name another place",
    ),
    ("compare_strategies", "--npz={w}/rewards.npz --csv={w}/link.csv", "--csv={w}/link.csv", "Name another place."),
    ("compare_strategies", "--table={w}/table --csv={w}/table/recipe.json", "recipe.json", "Name a file elsewhere."),
    ("compare_strategies", "{s} --csv={w}", "--csv={w}", "Name a file in a folder that can."),
    ("compare_strategies", "{s} --csv={w}/file/a.csv", "--csv={w}/file/a.csv", "Name a file in a folder that can."),
    ("compare_strategies", "{s} --picture={w}/a.gif", "{w}/a.gif", "its name must end in .png, .svg, .pdf."),
    ("compare_strategies", "--npz={w}/nowhere.npz", "{w}/nowhere.npz", "Write it with numpy.savez."),
    ("compare_strategies", "--npz={w}/file", "{w}/file", "Write it with numpy.savez."),
    ("compare_strategies", "--npz={w}/things", "{w}/things", "Write it with numpy.savez."),
    ("compare_strategies", "--npz={w}/single.npy", "{w}/single.npy", "Write it with numpy.savez."),
    ("compare_strategies", "--npz={w}/pickled.npz", "{w}/pickled.npz", "Write it with numpy.savez."),
    ("compare_strategies", "--npz={w}/short.npz --npz_array=runs", "{w}/short.npz", "6 rows of 2 decisions"),
    ("compare_strategies", "--npz={w}/rewards.npz --npz_array=x", "'x'", "It has: runs [4]."),
    ("compare_strategies", "--npz={w}/rewards.npz --npz_array=runs --npz_column=1", "Column 1", "takes no column."),
    ("compare_strategies", "--table={w}/file", "{w}/file", "Name a table's folder."),
    # repair
    ("repair", "", "--folder is missing", "such as --folder=runs/mnist."),
    ("repair", "--folder={w}/nowhere", "{w}/nowhere", "Name the folder of one."),
    ("repair", "--folder={w}/file", "{w}/file", "Name the folder of one."),
    ("repair", "--folder={w}/things", "{w}/things", "Name the folder of one."),
    ("repair", "--folder={w}/broken", "{w}/broken/config.json", "Restore it from a copy"),
    ("repair", "--folder={w}/strange", "{w}/strange/config.json", "Restore it from a copy"),
    ("repair", "--folder={w}/newer", "format 99", "Use the version that wrote it"),
    # show and to_optuna
    ("check_reward", "", "--workdir is missing", "name the folder of the search, such as --workdir=runs/mnist."),
    ("check_reward", "--workdir={w}/run", "--longer is missing", "such as --longer=runs/mnist_longer."),
    ("check_reward", "--workdir={w}/run --longer={w}/new --cells=1", "cells=1", "an integer of at least"),
    ("check_reward", "--workdir={w}/run --longer={w}/new --epochs=1", "epochs=1", "an integer of at least 2."),
    ("check_reward", "--workdir={w}/run --longer={w}/run", "--longer", "Name another place."),
    ("check_reward", "--workdir={w}/things --longer={w}/new", "{w}/things is neither a run", "Name the folder of one."),
    ("show", "", "--workdir is missing", "name the folder of a search or of a table, such as --workdir=runs/mnist."),
    ("show", "--workdir={w}/things", "{w}/things is neither a run nor a table", "Name the folder of one."),
    ("show", "--workdir={w}/broken", "{w}/broken/config.json", "Restore it from a copy"),
    ("show", "--workdir={w}/run --top=0", "top=0", "an integer of at least 1."),
    ("show", "--workdir={w}/run --sort=size", "sort='size'", "Allowed: trial, d0"),
    ("show", "--workdir={w}/run --where=reward", "where='reward' is not a condition", "such as reward>0.98"),
    ("show", "--workdir={w}/run --where=size>1", "where: the column='size'", "Allowed: trial, d0"),
    ("to_optuna", "", "--workdir is missing", "such as --workdir=runs/mnist."),
    ("to_optuna", "--workdir={w}/run", "--storage is missing", "such as --storage=sqlite:///mnist.db."),
    ("to_optuna", "--workdir={w}/run --storage=x.db", "storage='x.db'", "such as sqlite:///mnist.db"),
    ("to_optuna", "--workdir={w}/things --storage=sqlite:///x.db", "is neither a run nor a table", "Name the folder"),
]
_ALWAYS = {"search": ["--workdir={w}/new"]}


@pytest.mark.parametrize(
    ("script", "arguments", "value", "allowed"), FLAGS, ids=[f"{row[0]} {row[1][:60]}" for row in FLAGS]
)
def test_a_wrong_flag_is_refused_before_any_work(script, arguments, value, allowed, world, work):
    names = {"w": world, "n": world.name, "s": "--synthetic=noisy-2x8-0"}
    before = _listing(world)
    given = [argument.format(**names) for argument in [*_ALWAYS.get(script, ()), *arguments.split()]]
    given = [part for argument in given for part in argument.split()]
    code, output, errors = _call(script, given)
    assert errors.startswith("Error: ") and value.format(**names) in errors and allowed in errors
    assert code == 2 and "Traceback" not in errors
    # The plan is said before another run is opened.
    assert output == "" or "--warm_start_from" in arguments and output.count("\n") == 1
    assert work == [] and _listing(world) == before


@pytest.mark.parametrize(
    ("arguments", "value", "allowed"),
    [
        pytest.param(
            "--image_size=1,1 --stages=2", "An image of 1x1", "use fewer stages or a smaller stride.", id="too small"
        ),
        pytest.param(
            "--dataset=MNIST --image_size=1,1 --stages=2", "An image of 1x1", "use fewer stages", id="capitals"
        ),
        pytest.param("--reward=table --table={w}/trained_table", "mnist have digest", "another data set", id="others"),
        pytest.param("--reward=table --table={w}/table", "{{'function': 'f'}}", "there is no child to", id="none"),
        pytest.param("--workdir={w}/run", "grid", "Start it with the settings it has", id="another run's folder"),
    ],
)
def test_what_only_the_images_tell_is_refused_before_anything_is_trained_or_written(
    arguments, value, allowed, world, work
):
    before = _listing(world)
    given = [argument.format(w=world) for argument in ["--workdir={w}/new", "--workers=1", *arguments.split()]]
    code, output, errors = _call("search", given)
    assert errors.startswith("Error: ") and value.format(w=world) in errors and allowed in errors
    assert code == 2 and "batch 0" not in output
    assert set(work) <= {"read train[:55000]", "read train[55000:60000]", "read train", "read validation", "read test"}
    assert _listing(world) == before


@pytest.mark.parametrize(
    ("script", "arguments"),
    [("search.py", ["--seed=-1"]), ("report.py", ["--table=no/such"]), ("compare_strategies.py", ["--synthetic=x"])],
)
def test_the_same_in_a_process_of_its_own(script, arguments, tmp_path):
    done = run_launch(script, *arguments, *([f"--workdir={tmp_path}/run"] if script == "search.py" else []))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ") and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 and list(tmp_path.iterdir()) == []


# --- The public API -----------------------------------------------------------------------------------------------


def _pixels(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


def _images(train=None, valid=None, **settings):
    pair = (_pixels(4, 8, 8, 1), np.array([0, 1, 0, 1]))
    return nk.Images.from_arrays(train or pair, valid or (pair[0] + 1, pair[1]), **settings)


def _search(evaluator=None, space=None, **settings):
    evaluator = evaluator or nk.FunctionEvaluator(lambda _: 1.0)
    return nk.search(space or grid(4), evaluator, **{"strategy": "random", **settings})


class _Answers(Evaluator):
    """Gives the answers of a function of the jobs."""

    def __init__(self, answers):
        self._answers = answers

    def evaluate(self, jobs):
        return self._answers(jobs)


def _keyed(key):
    return nk.SearchSpace("keyed", [nk.Decision("a", (0, 1))], key=key)


def _register(build, name="from_outside"):
    """Builds a child with an operation that is registered for this call only."""
    nk.register_operation(name, build)
    try:
        nk.build_child(nk.Cell.chain(name), input_shape=(8, 8, 1), num_classes=2)
    finally:
        del operations._BUILDERS[name]


def _config(**settings):
    return lambda _: nk.ChildConfig(**settings)


def _train(**settings):
    return lambda _: nk.TrainConfig(**settings)


def _ppo(**settings):
    return lambda _: nk.PPOConfig(**settings)


def _build(cell=None, config=None, shape=(8, 8, 1), classes=2):
    cell = nk.cells.vgg() if cell is None else cell
    return lambda _: nk.build_child(cell, config, input_shape=shape, num_classes=classes)


class _NoText:
    def __repr__(self):
        raise RuntimeError


_OVER = "an integer of at least 1."

# What is wrong, the call with the world, the value as the message gives it, what is allowed and the way out.
CALLS = [
    # Cell
    ("no nodes", lambda _: nk.Cell(()), "at least one node", "use 'identity'."),
    ("nodes are a number", lambda _: nk.Cell(3), "nodes=3", "a list of (input, operation)"),
    ("a node of three", lambda _: nk.Cell(((0, "a", 1),)), "(0, 'a', 1)", "a list of (input, operation)"),
    ("a node reads a later one", lambda _: nk.Cell(((1, "identity"),)), "reads 1", "it can read 0"),
    ("a node reads True", lambda _: nk.Cell(((0, "a"), (True, "b"))), "reads True", "it can read 0"),
    ("a combiner of no name", lambda _: nk.Cell(((0, "a"),), "mean"), "combine='mean'", "Allowed: concat, add."),
    ("an operation with a bracket", lambda _: nk.Cell.chain("a[b]"), "'a[b]'", "use ASCII letters, digits"),
    ("an operation for a terminal", lambda _: nk.Cell.chain("\x1b[2J"), r"'\x1b[2J'", "use ASCII letters, digits"),
    (
        "an operation that is no text",
        lambda _: nk.Cell.chain(7),
        "7 is not a valid operation name",
        "use ASCII letters",
    ),
    # ChildConfig, TrainConfig, build_child
    ("no filters", _config(filters=0), "filters=0", _OVER),
    ("half a filter", _config(filters=0.5), "filters=0.5", _OVER),
    ("filters are True", _config(filters=True), "filters=True", _OVER),
    ("filters are a text", _config(filters="16"), "filters='16'", _OVER),
    ("huge filters", _config(filters=HUGE), f"filters={HUGE}", "an integer of at most 4,096."),
    ("filters that no text can hold", _config(filters=10**9999), "a int that cannot be written", "at most 4,096."),
    ("stages of too many filters", _config(filters=4096, stages=9), "filters=4096 with stages=9", "Use fewer"),
    ("no stages", _config(stages=0), "stages=0", _OVER),
    ("no cells", _config(cells_per_stage=-1), "cells_per_stage=-1", _OVER),
    ("a stride of None", _config(stem_stride=None), "stem_stride=None", _OVER),
    ("a momentum of 1", _config(batch_norm_momentum=1), "batch_norm_momentum=1", "below 1; 0.9 is usual."),
    ("a momentum of NaN", _config(batch_norm_momentum=NAN), "batch_norm_momentum=nan", "a number of at least 0."),
    ("no epochs", _train(epochs=0), "epochs=0", _OVER),
    ("huge epochs", _train(epochs=HUGE), f"epochs={HUGE}", "an integer of at most 10,000."),
    ("no batch", _train(batch_size=0), "batch_size=0", _OVER),
    ("a learning rate of NaN", _train(learning_rate=NAN), "learning_rate=nan", "a number of at least 0."),
    ("an infinite learning rate", _train(learning_rate=INF), "learning_rate=inf", "a number of at least 0."),
    ("a warmup of all", _train(warmup=1), "warmup=1", "give 0 or more and less than 1."),
    ("a shift of half a pixel", _train(shift=0.5), "shift=0.5", "an integer of at least 0."),
    ("a precision that is not there", _train(precision="float8"), "precision='float8'", "Allowed: float32, "),
    ("a precision of None", _train(precision=None), "precision=None", "Allowed: float32, "),
    ("jit_compile is a text", _train(jit_compile="no"), "jit_compile='no'", "it must be True or False."),
    ("an image without channels", _build(shape=(8, 8)), "input_shape=(8, 8)", "such as (28, 28, 1)."),
    ("a shape that is a number", _build(shape=8), "input_shape=8", "such as (28, 28, 1)."),
    ("an image of no width", _build(shape=(8, 0, 1)), "width=0", _OVER),
    ("a huge image", _build(shape=(8, HUGE, 1)), f"width={HUGE}", "an integer of at most 100,000."),
    ("an image too small", _build(shape=(2, 2, 1)), "An image of 2x2", "use fewer stages or a smaller stride."),
    ("one class", _build(classes=1), "num_classes=1", "an integer of at least 2."),
    ("a cell that is a text", _build("vgg"), "cell='vgg'", "it must be an nk.Cell"),
    ("a configuration that is a dict", _build(config={"filters": 4}), "config={'filters': 4}", "an nk.ChildConfig."),
    ("an operation nobody knows", _build(nk.Cell.chain("conv_9x9")), "operation='conv_9x9'", "Allowed: conv_1x3"),
    # register_operation
    ("a name that is taken", lambda _: nk.register_operation("identity", len), "'identity'", "Choose another name."),
    ("a name with a space", lambda _: nk.register_operation("my op", len), "'my op'", "use ASCII letters"),
    ("a name with a pipe", lambda _: nk.register_operation("a|b", len), "'a|b'", "use ASCII letters"),
    ("a builder that is no function", lambda _: nk.register_operation("mine", 3), "build=3", "must be a function"),
    (
        "a builder of nothing",
        lambda _: _register(lambda keras, x, filters: None),
        "returned None",
        "must return a tensor",
    ),
    (
        "a builder that halves",
        lambda _: _register(lambda keras, x, filters: keras.layers.MaxPooling2D(2)(x)),
        "turned shape (None, 4, 4, 16) into (None, 2, 2, 16)",
        "it must keep the shape.",
    ),
    # Decision, SearchSpace, spaces
    ("choices are a text", lambda _: nk.Decision("a", "xyz"), "'xyz'", "must be a tuple or list"),
    ("no choices", lambda _: nk.Decision("a", ()), "'a' has no choices", "give at least one."),
    ("equal choices", lambda _: nk.Decision("a", (1, 2, 1)), "(1, 2, 1)", "Name each once."),
    ("a name that is a number", lambda _: nk.Decision(7, (1, 2)), "not 7", "a non-empty string"),
    ("a name of two lines", lambda _: nk.Decision("a\nb", (1, 2)), r"'a\nb'", "of printable characters"),
    ("a choice that has no text", lambda _: nk.Decision("a", _NoText()), "cannot be written", "a tuple or list"),
    ("a space of no decisions", lambda _: nk.SearchSpace("s", []), "not []", "a non-empty list of nk.Decision"),
    ("decisions are None", lambda _: nk.SearchSpace("s", None), "not None", "a non-empty list of nk.Decision"),
    ("decisions are tuples", lambda _: nk.SearchSpace("s", [("a", (1, 2))]), "('a', (1, 2))", "list of nk.Decision"),
    ("a space without a name", lambda _: nk.SearchSpace("", [nk.Decision("a", (1,))]), "not ''", "non-empty string"),
    (
        "two decisions of one name",
        lambda _: nk.SearchSpace("s", [nk.Decision("a", (1, 2))] * 2),
        "['a', 'a']",
        "Rename one.",
    ),
    ("a key that is no function", lambda _: _keyed("a"), "key='a'", "it must be a function, or None."),
    ("keys more than encodings", lambda _: grid(2, num_keys=3), "num_keys=3", "an integer of at most 2."),
    ("a key of None", lambda _: _keyed(lambda a: None).key([0]), "is None", "must return a string"),
    ("a key that is a number", lambda _: _keyed(sum).key([1]), "is 1", "must return a string"),
    ("an empty key", lambda _: _keyed(lambda a: "").key([0]), "is ''", "must return a string"),
    ("a key for a terminal", lambda _: _keyed(lambda a: "\x1b[2J").key([0]), r"'\x1b[2J'", "printable characters"),
    ("an encoding too short", lambda _: grid(2, 2).decode([0]), "actions=[0]", "which takes 2 integers"),
    ("an encoding of floats", lambda _: grid(2, 2).key([0.0, 1.0]), "actions=[0.0, 1.0]", "which takes 2 integers"),
    ("a choice out of range", lambda _: grid(2, 2).key([0, 2]), "Action 2", "has choices 0 to 1."),
    ("a negative choice", lambda _: grid(2, 2).decode([-1, 0]), "Action -1", "has choices 0 to 1."),
    ("values that do not fit", lambda _: grid(2, 2).encode((0, 9)), "(0, 9)", "does not fit space 'grid'"),
    ("a number to encode", lambda _: grid(2, 2).encode(3), "3 does not fit", "space 'grid'"),
    (
        "a large cell in small",
        lambda _: nk.spaces.small().encode(nk.cells.resnet()),
        "add(",
        "two operations in a row.",
    ),
    ("no cell in small", lambda _: nk.spaces.small().encode("vgg"), "'vgg' is not a cell", "give an nk.Cell"),
    ("no cell in large", lambda _: nk.spaces.large(2).encode(None), "None is not a cell", "give an nk.Cell"),
    ("a cell too large", lambda _: nk.spaces.large(1).encode(nk.cells.vgg()), "conv_3x3[conv_3x3]", "it needs 2 nodes"),
    ("no nodes in large", lambda _: nk.spaces.large(0), "num_nodes=0", _OVER),
    ("nine nodes", lambda _: nk.spaces.large(9), "num_nodes=9", "takes 1 to 8 nodes."),
    ("True nodes", lambda _: nk.spaces.large(True), "num_nodes=True", _OVER),
    ("operations are a text", lambda _: nk.spaces.large(2, operations="identity"), "'identity'", "a tuple of names"),
    ("operations are numbers", lambda _: nk.spaces.large(2, operations=(1, 2)), "1 is no", "use ASCII letters"),
    ("no operations", lambda _: nk.spaces.large(2, operations=()), "'op_1' has no choices", "give at least one."),
    # Evaluation
    ("a reward of None", lambda _: nk.Evaluation(None), "reward=None", "it must be a number"),
    ("a reward that is a text", lambda _: nk.Evaluation("0.5"), "reward='0.5'", "it must be a number"),
    ("a reward of two numbers", lambda _: nk.Evaluation(np.zeros(2)), "reward=array([0., 0.])", "must be a number"),
    ("a loss of True", lambda _: nk.Evaluation(0.5, loss=True), "loss=True", "it must be a number"),
    ("half a parameter", lambda _: nk.Evaluation(0.5, num_params=0.5), "num_params=0.5", "an integer of at least 0."),
    ("negative epochs", lambda _: nk.Evaluation(0.5, epochs=-1), "epochs=-1", "an integer of at least 0."),
    ("a status that is a number", lambda _: nk.Evaluation(0.5, 200), "status=200", "'ok' or 'failed: <what happened>'"),
    # FunctionEvaluator and evaluators of the user's own
    ("a function that is none", lambda _: nk.FunctionEvaluator(0.5), "function=0.5", "it must take an architecture."),
    (
        "a recipe that is a list",
        lambda _: _search(nk.FunctionEvaluator(len, recipe=["a"])),
        "recipe=['a']",
        "a JSON object",
    ),
    (
        "a recipe with NaN",
        lambda _: _search(nk.FunctionEvaluator(len, recipe={"a": NAN})),
        "recipe={'a': nan}",
        "finite numbers",
    ),
    ("an evaluator that is a class", lambda _: _search(_Answers), "_Answers", "an object with a method evaluate(jobs)"),
    ("an evaluator that is a function", lambda _: _search(len), "function len", "use nk.FunctionEvaluator(function)."),
    # search
    ("a space that is a name", lambda _: _search(space="small"), "space='small'", "it must be an nk.SearchSpace"),
    ("no evaluations", lambda _: _search(max_evaluations=0), "max_evaluations=0", _OVER),
    ("2.5 evaluations", lambda _: _search(max_evaluations=2.5), "max_evaluations=2.5", _OVER),
    ("no trials", lambda _: _search(max_trials=0), "max_trials=0", _OVER),
    ("a batch of True", lambda _: _search(batch_size=True), "batch_size=True", _OVER),
    ("a huge batch", lambda _: _search(batch_size=HUGE), f"batch_size={HUGE}", "an integer of at most 10,000."),
    ("a huge lag", lambda _: _search(lag=HUGE), f"lag={HUGE}", "an integer of at most 100."),
    ("a seed of NaN", lambda _: _search(seed=NAN), "seed=nan", "an integer from 0 to 2**31 - 1."),
    ("a seed of 32 bits", lambda _: _search(seed=2**31), f"seed={2**31}", "an integer from 0 to 2**31 - 1."),
    ("an unknown objective", lambda _: _search(objective="size"), "objective='size'", "Write accuracy, or "),
    ("an objective of two numbers", lambda _: _search(objective=(1, 2)), "objective=(1, 2)", "Or give a function."),
    ("an unknown strategy", lambda _: _search(strategy="tabu"), "strategy='tabu'", "Allowed: ppo, random, "),
    (
        "a strategy that is a class",
        lambda _: _search(strategy=nk.strategies.RandomSearch),
        "RandomSearch",
        "give one of the names",
    ),
    (
        "a strategy of another space",
        lambda _: _search(strategy=nk.strategies.RandomSearch(grid(4))),
        "A Strategy object",
        "it must be new and made for the same space.",
    ),
    ("settings that are a text", lambda _: _search(strategy_config="steps=5"), "'steps=5'", "it must be a dict"),
    ("an unknown setting", lambda _: _search(strategy_config={"tempo": 1}), "'tempo'", "It has: none."),
    ("a workdir that is a number", lambda _: _search(workdir=3), "workdir=3", "the path of a folder, or None."),
    ("a workdir of no name", lambda _: _search(workdir=""), "workdir=''", "the path of a folder, or None."),
    ("a workdir that is a file", lambda w: _search(workdir=w / "file"), "world0/file'", "Name a folder."),
    ("a workdir of other things", lambda w: _search(workdir=w / "things"), "things'", "Name an empty or new folder."),
    ("a workdir of a newer version", lambda w: _search(workdir=w / "newer"), "format 99", "Use the version that"),
    (
        "a workdir of another seed",
        lambda w: _search(workdir=w / "run", seed=1),
        "seed: 0 before, 1 now",
        "name another",
    ),
    ("a damaged workdir", lambda w: _search(workdir=w / "broken"), "broken/config.json", "Restore it from a copy"),
    ("a warm start from a number", lambda _: _search(warm_start_from=3), "warm_start_from=3", "the path of a folder"),
    (
        "a warm start from a file",
        lambda w: _search(warm_start_from=w / "file"),
        "world0/file",
        "Name the folder of one.",
    ),
    ("a warm start from nowhere", lambda w: _search(warm_start_from=w / "no"), "world0/no", "Name the folder of one."),
    (
        "a warm start from a strange run",
        lambda w: _search(warm_start_from=w / "strange"),
        "strange/config.json",
        "Restore it from a copy.",
    ),
    ("on_batch is no function", lambda _: _search(on_batch="print"), "on_batch='print'", "a function, or None."),
    ("the best -1", lambda _: nk.top_trials([], -1), "count=-1", "an integer of at least 0."),
    # Settings of strategies
    ("a negative learning rate", _ppo(learning_rate=-1), "learning_rate=-1", "a number of at least 0."),
    ("a clip of NaN", _ppo(clip=NAN), "clip=nan", "a number of at least 0."),
    ("a mini-batch of True", _ppo(minibatch_size=True), "minibatch_size=True", _OVER),
    ("a huge LSTM", _ppo(units=HUGE), f"units={HUGE}", "an integer of at most 4,096."),
    ("a window of -1", _ppo(window=-1), "window=-1", "an integer of at least 0."),
    ("no candidates", _ppo(candidates=-1), "candidates=-1", "an integer of at least 0."),
    ("a place for the controller", _ppo(distribute="all"), "distribute='all'", "Allowed: none, mirrored."),
    (
        "a population of NaN",
        lambda _: nk.strategies.EvolutionConfig(population=NAN),
        "population=nan",
        _OVER,
    ),
    ("a beam of 0", lambda _: nk.strategies.ProgressiveConfig(beam=0), "beam=0", _OVER),
    ("a decay of 1", lambda _: nk.strategies.ReinforceConfig(decay=1), "decay=1", "less than 1."),
    (
        "candidates without end",
        lambda _: nk.strategies.PPOPredictorConfig(candidates=HUGE),
        f"candidates={HUGE}",
        "at most 1,000,000.",
    ),
    ("no optimism", lambda _: nk.strategies.PPOPredictorConfig(optimism=-1), "optimism=-1", "at least 0"),
    ("a seed that is a text", lambda _: nk.strategies.RandomSearch(grid(2), seed="0"), "seed='0'", "an integer from 0"),
    # Images, load_images
    ("images that are no pair", lambda _: _images(train=[1, 2, 3]), "train is a list", "a pair (images, labels)"),
    (
        "images of floats",
        lambda _: _images((_pixels(4, 8, 8, 1, dtype=float), [0, 1, 0, 1])),
        "float64",
        "uint8 [N, H, W, C]",
    ),
    ("images of five axes", lambda _: _images((_pixels(4, 8, 8, 1, 1), [0, 1, 0, 1])), "[4, 8, 8, 1, 1]", "[N, H, W"),
    ("no images", lambda _: _images((_pixels(0, 8, 8, 1), _pixels(0, dtype=int))), "[0, 8, 8, 1]", "at least one"),
    ("no images to validate", lambda _: _images(valid=(_pixels(0, 8, 8), _pixels(0, dtype=int))), "valid", "at least"),
    ("labels of floats", lambda _: _images((_pixels(4, 8, 8, 1), np.full(4, 0.5))), "float64 [4]", "whole numbers [N]"),
    (
        "the same images twice",
        lambda _: _images(valid=(_pixels(2, 8, 8), [0, 1])),
        "the same images as its training split",
        "Hold back images",
    ),
    ("rows of no label", lambda _: _images((_pixels(4, 8, 8, 1), np.zeros((4, 4)))), "[4, 4]", "labels.argmax(-1)"),
    ("a label too few", lambda _: _images((_pixels(4, 8, 8, 1), [0, 1, 0])), "3 labels", "one label for each"),
    ("a negative label", lambda _: _images((_pixels(4, 8, 8, 1), [0, 1, -1, 1])), "from -1 to 1", "Allowed: 0 to 1"),
    ("labels out of range", lambda _: _images(num_classes=True), "num_classes=True", "an integer of at least 2."),
    ("one class only", lambda _: _images(num_classes=1), "num_classes=1", "an integer of at least 2."),
    ("images of two sizes", lambda _: _images(valid=(_pixels(2, 9, 9), [0, 1])), "[2, 9, 9, 1]", "[8, 8, 1] each"),
    ("test labels out of range", lambda _: _images(test=(_pixels(1, 8, 8), [5]), num_classes=2), "to 5", "0 to 1"),
    ("a name for a terminal", lambda _: _images(name="\x1b]0;"), r"'\x1b]0;'", "printable characters"),
    ("a data set that is a number", lambda _: nk.load_images(3), "name=3", "such as 'mnist'."),
    ("a data set of no name", lambda _: nk.load_images(""), "name=''", "such as 'mnist'."),
    (
        "a data folder that is a number",
        lambda _: nk.load_images("mnist", data_dir=3),
        "data_dir=3",
        "a folder, or None",
    ),
    ("a download of 'no'", lambda _: nk.load_images("mnist", download="no"), "download='no'", "True or False."),
    ("a size of one side", lambda _: nk.load_images("mnist", image_size=28), "image_size=28", "(height, width)"),
    ("a size of floats", lambda _: nk.load_images("mnist", image_size=(2.5, 3)), "image_size=2.5", _OVER),
    # Tables, exports, pictures
    ("no table", lambda w: nk.TableEvaluator(w / "no"), "world0/no", "Name a table's folder."),
    ("a table that is a file", lambda w: nk.TableEvaluator(w / "file"), "world0/file", "Name a table's folder."),
    ("a table that is a run", lambda w: nk.TableEvaluator(w / "run"), "world0/run", "Name a table's folder."),
    ("a table of another space", lambda w: _search(nk.TableEvaluator(w / "table")), "world0/table", "another table."),
    ("an export of no run", lambda w: nk.export_best(w / "no"), "world0/no", "Name the folder of a search."),
    ("an export of no child", lambda w: nk.export_best(w / "run"), "{'function': 'one'}", "there is no child to train"),
    ("an export of failures", lambda w: nk.export_best(w / "failed"), "world0/failed", "Search first."),
    ("an export of none", lambda w: nk.export_best(w / "failed", top=0), "top=0", _OVER),
    ("an export of True epochs", lambda w: nk.export_best(w / "failed", epochs=True), "epochs=True", _OVER),
    (
        "an export to another space",
        lambda w: nk.export_best(w / "failed", space=nk.spaces.large(1)),
        "SearchSpace('large1'",
        "Pass the space of the run",
    ),
    (
        "an export of other images",
        lambda w: nk.export_best(w / "failed", images=_images()),
        "arrays have digest",
        "Use",
    ),
    ("a picture of a text", lambda _: nk.plot_cell("vgg"), "cell='vgg'", "it must be an nk.Cell"),
    ("a picture of nothing", lambda _: nk.plot_cell(None), "cell=None", "it must be an nk.Cell"),
]


@pytest.mark.parametrize(("call", "value", "allowed"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_a_wrong_call_is_refused_before_any_work(call, value, allowed, world, work, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = _listing(world)
    with pytest.raises(nk.NasKerasError) as caught:
        call(world)
    assert value in str(caught.value) and allowed in str(caught.value)
    assert isinstance(caught.value, nk.InvalidValueError | nk.DataError)
    assert work == [] and _listing(world) == before and list(tmp_path.iterdir()) == []


def _answer(job, reward=0.5):
    return job, nk.Evaluation(reward)


@pytest.mark.parametrize(
    ("answers", "value", "allowed"),
    [
        pytest.param(lambda jobs: [], "gave no evaluation of ['0', '1']", "one for each job.", id="none"),
        pytest.param(lambda jobs: [_answer(max(jobs))], "no evaluation of ['0']", "one for each job.", id="one of two"),
        pytest.param(lambda jobs: [_answer(max(jobs))] * 2, "key='1'", "was not asked for.", id="one twice"),
        pytest.param(lambda jobs: [(None, nk.Evaluation(1.0))], "for None", "was not asked for.", id="no job"),
        pytest.param(lambda jobs: [(jobs[0], 0.5)], "gave 0.5", "was not asked for.", id="a number"),
        pytest.param(
            lambda jobs: [_answer(jobs[0]._replace(key="x"))], "key='x'", "was not asked for.", id="another job"
        ),
    ],
)
def test_an_evaluator_that_answers_wrongly_ends_the_search_and_nothing_of_it_stands_in_d(
    answers, value, allowed, tmp_path
):
    with pytest.raises(nk.InvalidValueError) as caught:
        _search(_Answers(answers), space=grid(2), workdir=tmp_path / "run")
    assert value in str(caught.value) and allowed in str(caught.value)
    assert list((tmp_path / "run" / "dataset").iterdir()) == []


@pytest.mark.parametrize("value", [None, "high", [0.5, 0.5], {}])
def test_a_function_that_gives_no_number_ends_the_search_and_nothing_of_it_stands_in_d(value, tmp_path):
    with pytest.raises(nk.InvalidValueError) as caught:
        _search(nk.FunctionEvaluator(lambda _: value), workdir=tmp_path / "run")
    assert f"gave {value!r} for " in str(caught.value) and "a number, or an nk.Evaluation." in str(caught.value)
    assert list((tmp_path / "run" / "dataset").iterdir()) == []


def test_the_tables_are_as_long_as_is_promised():
    assert len(FLAGS) >= 120 and len(CALLS) >= 120
    assert len({row[0] for row in CALLS}) == len(CALLS)
    assert {row[0] for row in FLAGS} == {path.stem for path in (ROOT / "launch").glob("*.py")} - {"train_child"}
