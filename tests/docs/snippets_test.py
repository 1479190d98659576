"""Tests of the Python in the documentation: every block of every page runs, as it is written or scaled down.

A page's blocks run one after the other in one namespace, in a folder of their own. `_SCALED` states what they find
there, and which of their numbers are made smaller, since training takes long.
"""

import contextlib
import io
import pathlib
import re
from collections.abc import Callable
from typing import NamedTuple

import documentation
import numpy as np
import pytest
from helpers import ROOT, tiny_images
from PIL import Image

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.spaces import operations

_TABLE = ROOT / "testdata" / "rewards" / "mnist_small"
_PAGES = [page for page in documentation.PAGES if documentation.blocks(page, "python")]


class _Scaled(NamedTuple):
    """How the blocks of a page run.

    Attributes:
        names: what they use that the text, and not the page's code, defines.
        changes: (text, text in its place) pairs; each text must be there.
        prepare: makes files in the current folder.
        check: is given the names and the output in the end.
    """

    names: Callable[[], dict] = dict
    changes: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[], None] = lambda: None
    check: Callable[[dict, str], None] = lambda names, printed: None


def _make_photos():
    rng = np.random.default_rng(0)
    for path in (pathlib.Path(f"photos/{kind}/{i}.png") for kind in ("cat", "dog") for i in range(12)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(path)


def _make_run():
    table = nk.TableEvaluator(_TABLE)
    nk.search(nk.spaces.small(), table, strategy="random", max_evaluations=3, workdir="runs/mnist_small")


def _export_child():
    from nas_keras.results.formats.saved_model import save_child

    model = nk.build_child(nk.cells.vgg(), nk.ChildConfig(filters=4), input_shape=(28, 28, 1), num_classes=10)
    save_child(model, "runs/mnist_small/best/saved_model", list("0123456789"))


def _tfds():
    _tensorflow.load_tensorflow()
    import tensorflow_datasets

    return tensorflow_datasets


def _is_exported(names, printed):
    assert names["result"].num_evaluations == 1
    assert printed == f"{names['result'].best.key} {names['result'].best.reward}\n"
    assert pathlib.Path("runs/large/best/saved_model").is_dir()


def _are_split(names, printed):
    del printed
    assert names["images"].num_classes == 4  # those of the last line


def _are_small(names, printed):
    sizes = [int(line.split()[-1]) for line in printed.splitlines()]
    assert sizes == sorted(sizes) and 1 <= len(sizes) and sizes[-1] <= 20_000
    refused = [trial for trial in names["result"].trials if trial.evaluation.status.startswith("failed: refused: ")]
    assert refused


def _answers(names, printed):
    assert re.search(r"^\(2, 10\) \[(\d) \1\]$", printed, re.MULTILINE)  # two equal images


def _study():
    import optuna

    return optuna.create_study(direction="maximize")


def _are_trials(names, printed):
    assert printed == "" and len(names["run"].trials) == len(names["study"].trials) == 3
    assert len(pathlib.Path("trials.csv").read_text().splitlines()) == 4


def _are_digits(names, printed):
    assert len(list(pathlib.Path("digits").glob("*/*.png"))) == 1797
    assert len(printed.splitlines()) == 2 and names["images"].num_classes == 10


def _is_a_good_fit(names, printed):
    space, result = names["space"], names["result"]
    rewards = np.sort([names["validate"](space.decode(actions)) for actions in space.enumerate()])
    assert space.size == len(rewards) == 600 and result.num_evaluations == 60
    assert result.best.reward > rewards[-10]
    assert printed == f"{space.decode(result.best.actions)} {round(result.best.reward, 3)}\n"


def _are_own(names, printed):
    key, best = printed.splitlines()
    assert key in {names["cells"].key(actions) for actions in names["cells"].enumerate()}
    assert re.fullmatch(r"blocks=[12], filters=[48] 0\.\d+", best)
    assert pathlib.Path("runs/towers/best/saved_model").is_dir()


_SCALED = {
    "README.md": _Scaled(
        changes=(
            ("max_evaluations=40, batch_size=2", "max_evaluations=1"),
            ("large(num_nodes=3)", 'large(num_nodes=1, operations=("conv_3x3", "identity"))'),
            ("train=nk.TrainConfig(epochs=1)", "train=nk.TrainConfig(epochs=1), workers=1"),
            ("top=3, epochs=10", "epochs=1, images=images, workers=1"),
        ),
        check=_is_exported,
    ),
    "docs/child.md": _Scaled(prepare=_export_child, check=_answers),
    "docs/figures.md": _Scaled(changes=(("range(3)", "range(1)"), ("epochs=30", "epochs=1")), check=_are_digits),
    "docs/limits.md": _Scaled(  # the shipped rewards stand for trainings
        names=lambda: {"nk": nk, "table": _TABLE, "space": nk.spaces.small()},
        changes=(
            ("nk.TrainingEvaluator(images, ", "nk.TableEvaluator(table, "),
            ('workdir="runs/small"', 'workdir="runs/small", max_evaluations=20, strategy="random"'),
        ),
        check=_are_small,
    ),
    "docs/own_images.md": _Scaled(
        names=lambda: {"nk": nk, "pixels": tiny_images().train_images, "labels": tiny_images().train_labels},
        prepare=_make_photos,
        check=_are_split,
    ),
    "docs/own_network.md": _Scaled(
        changes=(
            ("child=nk.ChildConfig(filters=8)", "child=nk.ChildConfig(filters=8), workers=1"),
            ("(images, build=tower)", "(images, build=tower, workers=1)"),
            ("images=images, build=tower)", "images=images, build=tower, workers=1)"),
        ),
        check=_are_own,
    ),
    "docs/python.md": _Scaled(check=_is_a_good_fit),
    "docs/read_a_run.md": _Scaled(names=lambda: {"nk": nk, "study": _study()}, prepare=_make_run, check=_are_trials),
    "testdata/README.md": _Scaled(
        names=lambda: {"nas_keras": nk, "tfds": _tfds()},
        prepare=lambda: pathlib.Path("testdata").symlink_to(ROOT / "testdata"),
    ),
}


@pytest.mark.parametrize("page", _PAGES)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    scaled = _SCALED.get(page, _Scaled())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    # Small images in the place of MNIST and CIFAR-10.
    monkeypatch.setattr(nk, "load_images", lambda name, data_dir: tiny_images(count=256), raising=False)
    text = "\n".join(documentation.blocks(page, "python"))
    for before, after in scaled.changes:
        assert before in text
        text = text.replace(before, after)
    scaled.prepare()
    names, printed = {"__name__": "__main__", **scaled.names()}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, page, "exec"), names)
    scaled.check(names, printed.getvalue())


def test_every_public_name_of_a_page_exists():
    for page in documentation.PAGES:
        for name in re.findall(r"\bnk\.(\w+(?:\.\w+)*)", documentation.text_of(page)):
            value = nk
            for part in name.split("."):
                value = getattr(value, part)
