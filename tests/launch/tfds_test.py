"""A search on a prepared TFDS data set of the shape of CIFAR-10, by the real scripts: in memory, mapped, exported."""

import json

import numpy as np
import pytest
from helpers import facts, run_launch_many

from nas_keras import _tensorflow
from nas_keras.results.runs import read_runs

_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    """Images of 32 x 32 pixels, in which a white stripe says the class, prepared under the name cifar10."""
    _tensorflow.load_tensorflow()
    import tensorflow_datasets as tfds

    folder, rng = tmp_path_factory.mktemp("tfds"), np.random.default_rng(0)
    features = {
        "id": tfds.features.Text(),
        "image": tfds.features.Image(shape=(32, 32, 3)),
        "label": tfds.features.ClassLabel(names=_CLASSES),
    }

    def examples(split, count):
        for i in range(count):
            image, label = rng.integers(0, 200, (32, 32, 3), np.uint8), i * 7 % 10
            image[3 * label : 3 * label + 3] = 255
            yield i, {"id": f"{split}_{i}", "image": image, "label": label}

    tfds.dataset_builders.store_as_tfds_dataset(
        name="cifar10",
        version="3.0.2",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": examples("train", 240), "test": examples("test", 40)},
        data_dir=folder / "data",
        disable_shuffling=True,
    )
    return folder


@pytest.fixture(scope="module", name="searched")
def _searched(folder):
    """Searches with the images in memory and in mapped files, and an export whose images are mapped."""
    flags = [f"--data_dir={folder}/data", "--dataset=cifar10", "--strategy=random", "--max_evaluations=2", "--seed=1"]
    flags += ["--batch_size=2", "--filters=4", "--epochs=2", "--workers=1", "--train_batch_size=16"]
    (folder / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder / "tmp"))
        near, far = run_launch_many(
            "search.py",
            [
                [*flags, f"--workdir={folder}/near", "--final_epochs=2"],
                [*flags, f"--workdir={folder}/far", "--final_epochs=0", "--memory_limit=0"],
            ],
            timeout=600,
        )
        found = [f"--workdir={folder}/far", "--epochs=2", "--workers=1", "--memory_limit=0"]
        (exported,) = run_launch_many("export_best.py", [found], timeout=600)
    return near, far, exported


def test_images_of_cifar_10s_shape_are_searched_and_the_best_child_exported(folder, searched):
    error, output = searched[0]
    assert error is None, error
    assert "Images of cifar10: 220 to train, 20 to validate; 32 x 32 pixels, 3 channels; 10 classes: " in output
    assert "--stem_stride=2: " in output and "--stages=2: the last one sees 8 pixels" in output
    children = json.loads((folder / "near" / "best" / "children.json").read_text())
    assert children["class_names"] == _CLASSES and children["children"][0]["test_accuracy"] is not None


def test_mapped_images_give_the_same_rewards_and_the_same_export(folder, searched):
    _, far, exported = searched
    assert far[0] is None and exported[0] is None, (far, exported)
    runs = read_runs([folder / "near", folder / "far"])
    assert runs[0].fixed["recipe"] == runs[1].fixed["recipe"]
    assert len(runs[0].trials) >= 2 and facts(runs[0].trials) == facts(runs[1].trials)
    assert len(list((folder / "tmp").glob("nas_keras-*/*.uint8"))) == 3  # training, validation and test images
    near, far = (json.loads((folder / run / "best" / "children.json").read_text()) for run in ("near", "far"))
    assert near["children"][0]["test_accuracy"] == far["children"][0]["test_accuracy"]
