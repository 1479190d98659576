"""Tests of nas_keras/results/export.py and its parts: a tiny run, what is exported of it, and who can load that."""

import concurrent.futures
import dataclasses
import json
import shutil

import numpy as np
import pytest
from helpers import TINY_CHILD, TINY_TRAIN, grid, run_python, tiny_images

import nas_keras as nk
from nas_keras._tensorflow import load_tensorflow
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.results import export
from nas_keras.results.export_folder import read_exported
from nas_keras.results.exporting import accuracies, children, final_training
from nas_keras.results.formats.agreement import DisagreementError
from nas_keras.spaces import operations
from nas_keras.storage.run_folder import Workspace
from nas_keras.strategies import Strategy

POOLS, CONV = (5, 6), (1, 7)  # encodings of the small space
TRAIN = dataclasses.replace(TINY_TRAIN, epochs=2)


class Proposes(Strategy):
    """Proposes one batch of given encodings."""

    def __init__(self, space, encodings):
        super().__init__(space)
        self._encodings = encodings

    def _ask(self, n, iteration):
        return nk.Proposals([] if iteration else self._encodings)

    def _tell(self, trials, iteration):
        pass


@pytest.fixture(scope="module", name="images")
def _images():
    return tiny_images()


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory, images):
    """A run of two cells, exported; (workdir, result of the search, what export_best gave)."""
    workdir, space = tmp_path_factory.mktemp("export") / "run", nk.spaces.small()
    with nk.TrainingEvaluator(images, child=TINY_CHILD, train=TRAIN, workers=1) as evaluator:
        result = nk.search(space, evaluator, strategy=Proposes(space, [POOLS, CONV]), workdir=workdir)
    exported = nk.export_best(workdir, top=2, epochs=1, images=images, workers=1)
    return workdir, result, exported


@pytest.fixture(name="todo")
def _todo(monkeypatch):
    """Ranks that would be trained, instead of training them."""
    ranks = []

    def spy(run, final, jobs, trials, exported, *others):
        for rank in jobs:
            ranks.append(rank)
            exported[rank] = rank

    monkeypatch.setattr(export, "_train_and_export", spy)
    return ranks


def test_what_is_exported(run, images):
    workdir, result, exported = run
    assert [trial.key for trial in result.top(2)] == ["1,7", "5,6"]
    assert [child.key for child in exported] == ["conv_3x3,identity", "max_pool_2x2,avg_pool_2x2"]
    assert [child.rank for child in exported] == [1, 2]
    for child, trial in zip(exported, result.top(2), strict=True):
        assert (child.search_reward, child.seed, child.epochs) == (trial.reward, trial.seed, 1)
        assert child.num_params == trial.evaluation.num_params > 0
        assert child.test_accuracy * 100 == pytest.approx(round(child.test_accuracy * 100), abs=1e-4)  # of 100 images
        assert child.valid_accuracy * 128 == round(child.valid_accuracy * 128)


def test_the_files_of_the_best_folder(run):
    workdir, _, exported = run
    best = workdir / "best"
    assert json.loads((best / "children.json").read_text()) == {
        "children": [dataclasses.asdict(child) for child in exported],
        "class_names": ["0", "1", "2", "3"],
    }
    assert [child.path for child in exported] == ["best/saved_model", "best/rank_2/saved_model"]
    for child in exported:
        assert (workdir / child.path / "saved_model.pb").is_file()
    assert not list(best.rglob("*.tmp")) and not list(best.rglob(".*"))
    contents = {"saved_model", "model.keras", "model.tflite", "model.onnx", "architecture.json", "MODEL_CARD.md"}
    contents |= {"cell.svg", "mistakes.png"}
    assert {path.name for path in (best / "rank_2").iterdir()} == contents
    assert {path.name for path in best.iterdir()} == contents | {"children.json", "rank_2"}
    assert read_exported(Workspace(workdir)) == exported
    assert read_exported(Workspace(workdir / "nowhere")) == []


def test_what_stands_exported_is_not_trained_again(run, images, monkeypatch):
    workdir, _, exported = run

    def refuse(*args, **kwargs):
        raise AssertionError("a worker was started")

    monkeypatch.setattr(export, "export_children", refuse)
    before = {path: path.stat().st_mtime_ns for path in (workdir / "best").rglob("*")}
    assert nk.export_best(workdir, top=2, epochs=1) == exported  # no images are needed either
    assert nk.export_best(workdir, top=1, epochs=1) == exported[:1]
    assert nk.export_best(workdir, top=9, epochs=1) == exported  # there are two
    assert export.already_exported(workdir, top=2, epochs=1) == exported
    assert export.already_exported(workdir, top=2, epochs=3) == []  # it would be trained
    assert before == {path: path.stat().st_mtime_ns for path in (workdir / "best").rglob("*")}
    with pytest.raises(AssertionError, match="a worker was started"):
        nk.export_best(workdir, epochs=3, images=images)


def test_other_epochs_or_a_lost_model_are_trained(run, images, todo):
    workdir, _, _ = run
    nk.export_best(workdir, top=2, epochs=5, images=images)
    assert todo == [1, 2]
    todo.clear()
    nk.export_best(workdir, images=images)  # not one epoch, but ten by default
    assert todo == [1]
    todo.clear()
    (workdir / "best" / "rank_2" / "saved_model").rename(workdir / "aside")
    nk.export_best(workdir, top=2, epochs=1, images=images)
    (workdir / "aside").rename(workdir / "best" / "rank_2" / "saved_model")
    assert todo == [2]
    todo.clear()
    nk.export_best(workdir, epochs=1, filters=TINY_CHILD.filters, images=images)  # as it is
    assert todo == []
    nk.export_best(workdir, epochs=1, filters=TINY_CHILD.filters + 1, images=images)
    nk.export_best(workdir, epochs=1, recipe=nk.TrainConfig(ema=0.5), images=images)
    assert todo == [1, 1]
    assert export.already_exported(workdir, epochs=1, stem_stride=1) == []


_LOAD = """
import json, sys
import numpy as np
import nas_keras as nk
from nas_keras import _tensorflow
tf = _tensorflow.load_tensorflow()
images, labels = (np.load(f"{sys.argv[1]}/{name}.npy") for name in ("images", "labels"))
answers = {}
for path in sys.argv[2:]:
    serve = tf.saved_model.load(path).signatures["serving_default"]
    outputs = serve(images=tf.constant(images))
    model = tf.keras.models.load_model(path)
    logits = model.predict(images, verbose=0)
    answers[path] = {
        "accuracy": float(np.float32(np.mean(outputs["logits"].numpy().argmax(-1) == labels))),
        "keras accuracy": float(np.float32(np.mean(logits.argmax(-1) == labels))),
        "outputs": {name: [value.dtype.name, value.shape.as_list()] for name, value in outputs.items()},
        "inputs": {name: [spec.dtype.name, spec.shape.as_list() if spec.shape.rank else None]
                   for name, spec in serve.structured_input_signature[1].items()},
        "sums": [float(reduce(outputs["probabilities"].numpy().sum(-1))) for reduce in (np.min, np.max)],
        "num_params": model.count_params(),
    }
print(json.dumps(answers))
"""

_LOAD_KERAS_3 = """
import sys
import keras, numpy as np
assert keras.__version__.startswith("3."), keras.__version__
images, labels = (np.load(f"{sys.argv[1]}/{name}.npy") for name in ("images", "labels"))
layer = keras.layers.TFSMLayer(sys.argv[2], call_endpoint="serving_default")
print(float(np.float32(np.mean(np.asarray(layer(images)["logits"]).argmax(-1) == labels))))
"""


@pytest.fixture(scope="module", name="tested_on")
def _tested_on(tmp_path_factory, images):
    """A folder with the test split, for other processes."""
    folder = tmp_path_factory.mktemp("test_split")
    for name, array in zip(("images", "labels"), images.test(), strict=True):
        np.save(folder / f"{name}.npy", array)
    return folder


def test_a_new_process_gets_the_logged_test_accuracy_from_the_saved_models(run, tested_on):
    workdir, _, exported = run
    done = run_python(_LOAD, tested_on, *(workdir / child.path for child in exported))
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for child in exported:
        answer = answers[str(workdir / child.path)]
        assert answer["accuracy"] == answer["keras accuracy"] == child.test_accuracy
        assert answer["inputs"] == {"images": ["uint8", None]}
        assert answer["outputs"] == {
            "logits": ["float32", [100, 4]],
            "probabilities": ["float32", [100, 4]],
            "class": ["int64", [100]],
            "class_name": ["string", [100]],
        }
        assert answer["sums"] == pytest.approx([1, 1], abs=1e-5)
        assert answer["num_params"] == child.num_params


def test_stock_keras_3_loads_the_saved_model_too(run, tested_on):
    workdir, _, exported = run
    done = run_python(_LOAD_KERAS_3, tested_on, workdir / exported[0].path, TF_USE_LEGACY_KERAS="0")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == exported[0].test_accuracy


def test_other_images_are_refused_by_their_digest(run, images):
    workdir, _, _ = run
    other = nk.Images.from_arrays(
        (images.train_images[::-1], images.train_labels[::-1]), (images.valid_images, images.valid_labels)
    )
    with pytest.raises(DataError) as error:
        nk.export_best(workdir, epochs=4, images=other)
    assert str(error.value) == (
        f"The images of arrays have digest {other.digest[:16]}, but the rewards of this run came from "
        f"{images.digest[:16]}: another data set, version, split or order. Use the copy that the run was made with."
    )


@pytest.fixture(name="warnings")
def _warnings(monkeypatch):
    texts = []
    monkeypatch.setattr(accuracies.logging, "warning", lambda text, *values: texts.append(text % values))
    return texts


def test_what_needs_no_test_split_is_exported_without_one_and_tested_once_there_is_one(tmp_path, images, warnings):
    """With the kernels of the run, which began without oneDNN."""
    untested = dataclasses.replace(images, load_test=None)
    hidden = images.test()[0], np.full(100, -1, np.int32)
    space, folder = nk.spaces.small(), tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
        with nk.TrainingEvaluator(untested, child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
            nk.search(space, evaluator, strategy=Proposes(space, [CONV]), workdir=folder)
        (plain,) = nk.export_best(folder, epochs=2, images=untested, workers=1)
        weights = _weights(folder, plain)
    assert "arrays has no test split: what is exported will have no test accuracy." in warnings
    assert plain.test_accuracy is None and plain.valid_accuracy > 0.3
    accuracy = plain.valid_accuracy
    variance = accuracy * (1 - accuracy) / 128 + 1 / (4 * 128**2)  # Wilson's
    assert plain.valid_error == pytest.approx(variance**0.5 / (1 + 1 / 128)) and plain.test_error is None
    valid = f"validation {accuracy:.2%} ± {plain.valid_error:.2%}"
    assert plain.summary == f"{valid}, no test split ({plain.num_params:,} parameters)"
    assert plain.guessing == np.bincount(images.valid_labels).max() / 128
    assert plain.comparison == (
        f"Its validation accuracy in the search was {plain.search_reward:.2%}, and guessing gets {plain.guessing:.2%} "
        "right."
    )
    older = dataclasses.replace(plain, valid_error=None, guessing=None)
    assert older.summary.startswith(f"validation {accuracy:.2%}, no test") and older.comparison.endswith("%.")
    assert json.loads((folder / "best" / "children.json").read_text())["children"][0]["test_accuracy"] is None
    assert read_exported(Workspace(folder)) == [plain]
    warnings.clear()
    (again,) = nk.export_best(folder, epochs=2, images=dataclasses.replace(images, load_test=lambda: hidden))
    assert again == plain  # hidden labels are no test split: nothing is trained
    assert "Exported without a test accuracy: test labels run from -1 to -1." in warnings[0]
    warnings.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
        (tested,) = nk.export_best(folder, epochs=2, images=images, workers=1)
    of_test = {name: getattr(tested, name) for name in ("test_accuracy", "test_error", "guessing")}
    assert tested == dataclasses.replace(plain, **of_test) and tested.test_accuracy > 0.3
    assert tested.guessing == np.bincount(images.test()[1]).max() / 100
    assert f"test {tested.test_accuracy:.2%} ± {tested.test_error:.2%} (" in tested.summary
    assert _weights(folder, plain) == weights
    assert "The run began with TF_ENABLE_ONEDNN_OPTS=0, which is restored for its workers." in warnings
    assert any(text.startswith("A child is trained for only 16 steps (batches of 64 of 512") for text in warnings)


def _weights(folder, child):
    """The bytes of a SavedModel's weights; what follows them is its object graph."""
    return (folder / child.path / "variables" / "variables.data-00000-of-00001").read_bytes()[: 4 * child.num_params]


def test_an_operation_that_is_not_registered_here_is_refused_by_name(tmp_path, images, monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    space = nk.spaces.large(1, operations=("elsewhere",))
    _run_of_a_function(images, space, 0.5, tmp_path)
    with pytest.raises(InvalidValueError, match="have the operation 'elsewhere', which is not registered here"):
        nk.export_best(tmp_path, images=images, space=space)
    assert not (tmp_path / "best").exists()


@pytest.mark.parametrize("value", [7, None, ["1"]])
def test_kernels_in_a_configuration_that_are_no_text_are_refused(tmp_path, images, value):
    _run_of_a_function(images, nk.spaces.small(), 0.5, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "environment": {"onednn": value}}))
    with pytest.raises(
        DataError, match="The recorded environment has onednn=.*, where a text such as '1' is expected."
    ):
        nk.export_best(tmp_path, images=images)
    (tmp_path / "config.json").write_text(json.dumps({**config, "environment": value}))
    with pytest.raises(DataError, match="config.json has the environment .*, which is not a JSON object."):
        nk.export_best(tmp_path, images=images)


def test_a_wrong_progress_is_refused(run, images):
    with pytest.raises(InvalidValueError, match="^progress='yes' is not allowed: it must be True or False."):
        nk.export_best(run[0], images=images, progress="yes")


def test_an_exported_child_is_loaded_as_a_keras_model(run, images, tmp_path):
    workdir, _, exported = run
    tf = load_tensorflow()
    for child in exported:
        model = nk.load_model(workdir, child.rank)
        assert isinstance(model, tf.keras.Model) and model.count_params() == child.num_params
        accuracy = np.mean(model.predict(images.test()[0], verbose=0).argmax(-1) == images.test()[1])
        assert float(np.float32(accuracy)) == child.test_accuracy
    for missing, rank in ((workdir, 3), (tmp_path, 1)):
        with pytest.raises(InvalidValueError) as error:
            nk.load_model(missing, rank)
        assert str(error.value) == (
            f"{missing} has no exported child of rank {rank}. Export it by nk.export_best(workdir, top={rank})."
        )
    with pytest.raises(InvalidValueError, match="nowhere is not a folder. Export it by nk.export_best"):
        nk.load_model(tmp_path / "nowhere")
    shutil.copytree(workdir, tmp_path / "run")
    weights = tmp_path / "run" / "best" / "saved_model" / "variables" / "variables.data-00000-of-00001"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(DataError, match="The weights in .* cannot be read: .*. Export the child again."):
        nk.load_model(tmp_path / "run")


def test_the_card_and_the_architecture_are_those_of_the_child(run):
    workdir, _, exported = run
    card = (workdir / "best" / "MODEL_CARD.md").read_text()
    assert card.startswith("# conv_3x3\n") and "| Encoding | 1,7 |" in card and "| Search | 2 trials" in card
    assert f"test accuracy {exported[0].test_accuracy:.2%}" in card
    architecture = json.loads((workdir / "best" / "architecture.json").read_text())
    assert architecture["cell"]["nodes"] == [[0, "conv_3x3"], [1, "identity"]]
    assert architecture["decisions"] == {"op_1": "conv_3x3", "op_2": "identity"}
    assert architecture["seed"] == exported[0].seed and architecture["train"]["epochs"] == 1


def test_integers_are_written_on_request_and_an_export_without_them_is_not_enough(run, images, todo):
    workdir, _, _ = run
    nk.export_best(workdir, epochs=1, images=images, quantize=True)
    assert todo == [1]
    with pytest.raises(InvalidValueError, match="quantize=3 is not allowed"):
        nk.export_best(workdir, quantize=3)


def test_a_format_that_disagrees_ends_the_export_and_leaves_the_files_as_they_were(run, images, monkeypatch):
    workdir, _, exported = run
    before = list((workdir / "best").rglob("*"))

    class Disagrees:
        """A worker that trains nothing."""

        def __init__(self, *args, **settings):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def submit(self, function, *, training, checkpoint_file, folder=None, progress_file=""):
            future = concurrent.futures.Future()
            if function.__name__ == "_train":
                checkpoint_file.write_text("the weights")
                future.set_result(None)
            else:
                future.set_exception(DisagreementError("model.onnx does not answer as the trained child does"))
            return future

    monkeypatch.setattr(children, "TrainingPool", Disagrees)
    with pytest.raises(DisagreementError, match="^model.onnx does not answer"):
        nk.export_best(workdir, epochs=5, images=images)
    kept = workdir / "best" / ".training.npz"  # the next export reuses the training
    assert {*before, kept} == set((workdir / "best").rglob("*"))
    kept.unlink()
    assert read_exported(Workspace(workdir)) == exported


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"top": 0}, "top=0 is not allowed: it must be an integer of at least 1"),
        ({"epochs": 0}, "epochs=0 is not allowed: it must be an integer of at least 1"),
        ({"epochs": 4}, r"The run was made from arrays: pass the same images to export_best\(images=...\)"),
        (
            {"space": nk.spaces.large(2)},
            r"is of another space than SearchSpace\('large2'.*: name 'small' before, 'large2' now.*space=...",
        ),
    ],
)
def test_values_that_cannot_be_used(run, settings, says):
    with pytest.raises(InvalidValueError, match=says):
        nk.export_best(run[0], **settings)


def test_workers_that_cannot_be_used(run, images):
    with pytest.raises(InvalidValueError, match="workers=0 is not allowed"):
        nk.export_best(run[0], epochs=4, images=images, workers=0)


@pytest.mark.parametrize("path", ["nothing", "file"])
def test_no_run(tmp_path, path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidValueError) as error:
        nk.export_best(tmp_path / path)
    assert str(error.value) == (
        f"{tmp_path / path} is not a run folder: it has no config.json. Name the folder of a search."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_rewards_of_a_function_have_nothing_to_export(tmp_path):
    evaluator = nk.FunctionEvaluator(sum)
    nk.search(grid(2, 2), evaluator, strategy="random", workdir=tmp_path)
    with pytest.raises(InvalidValueError, match="do not come from trained children but from {'function': 'sum'}"):
        nk.export_best(tmp_path)


def _run_of_a_function(images, space, reward, workdir):
    """A run whose rewards are said to be of trained children."""
    with nk.TrainingEvaluator(images, child=TINY_CHILD, workers=1) as trainer:
        evaluator = nk.FunctionEvaluator(lambda architecture: reward, recipe=trainer.recipe)
    nk.search(space, evaluator, strategy="random", max_evaluations=2, workdir=workdir)


def test_a_run_in_which_every_child_failed_has_nothing_to_export(tmp_path, images):
    _run_of_a_function(images, nk.spaces.small(), float("nan"), tmp_path)
    with pytest.raises(InvalidValueError, match="has no child that was trained. Search first."):
        nk.export_best(tmp_path, images=images)


def test_the_finished_children_of_an_unfinished_batch_count(tmp_path, images, todo):
    class Instant(nk.TrainingEvaluator):
        """Trains nothing: the first child is the better one, and the third one never ends."""

        def evaluate(self, jobs):
            for job, reward in zip(jobs, (0.75, 0.5), strict=False):
                yield job, nk.Evaluation(reward, seconds=1.0)
            raise KeyboardInterrupt

    space = nk.spaces.small()
    with Instant(images, child=TINY_CHILD, train=TRAIN, workers=1) as evaluator, pytest.raises(KeyboardInterrupt):
        strategy = Proposes(space, [POOLS, CONV, (0, 0)])
        nk.search(space, evaluator, strategy=strategy, workdir=tmp_path / "run", lag=0)
    exported = nk.export_best(tmp_path / "run", top=5, images=images)
    assert exported == todo == [1, 2]


def test_a_space_of_the_users_own_is_to_be_passed(tmp_path, images, todo):
    space = nk.spaces.large(2, operations=("conv_3x3", "identity"))
    _run_of_a_function(images, space, 0.5, tmp_path)
    with pytest.raises(InvalidValueError, match=r"choice .* is new.* Pass the space .* export_best\(space=...\)"):
        nk.export_best(tmp_path, images=images, space=nk.spaces.large(2))
    nk.export_best(tmp_path, images=images)  # its configuration says the operations
    assert todo == [1]
    named = nk.SearchSpace("mine", space.decisions, decode=lambda actions: space.decode(actions))
    _run_of_a_function(images, named, 0.5, tmp_path / "run")
    with pytest.raises(InvalidValueError, match=r"decodes to tuple, not to cells. Pass the space of the run"):
        nk.export_best(tmp_path / "run", images=images)
    nk.export_best(tmp_path / "run", images=images, space=named)


def test_an_operation_of_other_code_or_of_none_is_not_exported(tmp_path, images, todo, monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    monkeypatch.setattr(operations, "_CODE", {})

    def make(size):
        return lambda keras, x, filters: keras.layers.Conv2D(filters, size, padding="same")(x)

    nk.register_operation("own", make(3))
    space = nk.spaces.large(1, operations=("own",))
    with nk.TrainingEvaluator(images, child=TINY_CHILD, workers=1) as trainer:
        trainer.check(space)
        evaluator = nk.FunctionEvaluator(lambda architecture: 0.5, recipe=trainer.recipe)
    nk.search(space, evaluator, strategy="random", max_evaluations=2, workdir=tmp_path)
    nk.register_operation("own", make(5), replace=True)
    with pytest.raises(InvalidValueError, match="came from other code: operation 'own': size in .* was 3, is 5"):
        nk.export_best(tmp_path, images=images)
    operations._BUILDERS.pop("own")
    with pytest.raises(InvalidValueError, match="have the operation 'own', which is not registered here"):
        nk.export_best(tmp_path, images=images)
    assert todo == []
    nk.register_operation("own", make(3), replace=True)
    nk.export_best(tmp_path, images=images)
    assert todo == [1]


def test_a_run_that_is_going_on_is_left_alone(run, images):
    workdir, _, _ = run
    with Workspace(workdir).locked(), pytest.raises(InvalidValueError, match="Another process is running in workdir="):
        nk.export_best(workdir, images=images)


def test_a_worker_that_dies_leaves_what_stood_there(run, images, monkeypatch):
    workdir, _, exported = run
    monkeypatch.setattr(final_training, "_train", lambda splits, **arguments: __import__("os")._exit(9))
    with pytest.raises(RuntimeError, match=r"its worker process died \(exit code 9\)"):
        nk.export_best(workdir, epochs=4, images=images, workers=1)
    assert read_exported(Workspace(workdir)) == exported
    assert nk.export_best(workdir, top=2, epochs=1) == exported
