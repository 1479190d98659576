"""A search on a folder of images, by the real scripts: search.py, then export_best.py."""

import json

import numpy as np
import pytest
from helpers import ROOT, facts, run_launch, run_launch_many
from PIL import Image

import nas_keras as nk
from nas_keras.children.named_recipes import configs_of
from nas_keras.reports.search_page.commands import search_command
from nas_keras.reports.search_page.facts import gather_runs
from nas_keras.reports.search_page.tables import settings
from nas_keras.results.runs import read_runs

CLASSES = ["blue", "cyan", "green", "magenta", "red", "жёлтый"]
_COLOURS = [(0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (1, 1, 0)]


@pytest.fixture(scope="module", name="photos")
def _photos(tmp_path_factory):
    """Twenty images of each of six colours, of several kinds and sizes, and files that are none."""
    folder, rng = tmp_path_factory.mktemp("own") / "photos", np.random.default_rng(0)
    for name, colour in zip(CLASSES, _COLOURS, strict=True):
        (folder / name).mkdir(parents=True)
        for i in range(20):
            noise = rng.integers(0, 100, (12 + i % 3, 12, 3)) + 150 * np.array(colour)
            image = Image.fromarray(noise.astype(np.uint8))
            suffix = ("png", "jpg", "bmp", "gif", "webp")[i % 5]
            (image.quantize(64) if suffix == "gif" else image).save(folder / name / f"{i}.{suffix}")
    (folder / "red" / "broken.png").write_bytes(b"x")
    (folder / "red" / "Thumbs.db").write_bytes(b"x")
    (folder / "nothing").mkdir()
    return folder


@pytest.fixture(scope="module", name="first")
def _first(photos):
    """The search as a user starts it: (workdir, its flags, the finished process)."""
    workdir = photos.parent / "run"
    arguments = f"""--workdir={workdir} --images={photos} --image_size=8,8 --space=small --strategy=random
        --max_evaluations=2 --batch_size=2 --filters=4 --epochs=2 --final_epochs=2 --workers=1 --split_seed=1""".split()
    return workdir, arguments, run_launch("search.py", *arguments, timeout=600)


def test_a_folder_is_searched_and_its_best_child_exported(photos, first):
    workdir, _, done = first
    assert done.returncode == 0, done.stderr
    assert "Images of photos: 96 to train, 12 to validate; 8 x 8 pixels, 3 channels; 6 classes: " in done.stdout
    assert f"6 classes: {', '.join(CLASSES)}." in done.stdout
    assert "red/broken.png (not a PNG, JPEG, BMP, GIF or WebP image)" in done.stderr
    assert "red/Thumbs.db" in done.stderr and "1 class without files is left out: nothing." in done.stderr
    config = json.loads((workdir / "config.json").read_text())
    assert config["source"]["folder"] == str(photos) and config["source"]["class_names"] == CLASSES
    exported = json.loads((workdir / "best" / "children.json").read_text())
    assert exported["class_names"] == CLASSES and exported["children"][0]["test_accuracy"] is not None


def test_the_page_of_a_run_names_its_classes_and_the_command(photos, first):
    workdir, _, _ = first
    ((_, table),) = settings(gather_runs([workdir]))
    assert f"class_names {', '.join(CLASSES)}" in dict(map(tuple, table.rows))["images"]
    command = search_command(read_runs([workdir])[0])
    assert f" --images={photos} --image_size=8,8 --split_seed=1 " in command and "--dataset" not in command


def test_the_run_goes_on_until_the_folder_changes(photos, first, tmp_path):
    workdir, arguments, _ = first
    memory = [argument.replace(str(workdir), str(tmp_path / "mapped")) for argument in arguments]
    again, mapped = run_launch_many(
        "search.py",
        [
            [*arguments, "--max_evaluations=3", "--final_epochs=0"],
            [*memory, "--memory_limit=0", "--max_evaluations=3", "--final_epochs=0"],
        ],
        timeout=600,
    )
    assert again[0] is None and mapped[0] is None, (again, mapped)
    runs = read_runs([workdir, tmp_path / "mapped"])  # of one recipe
    assert len(runs[0].trials) == 3 and facts(runs[0].trials) == facts(runs[1].trials)
    moved = photos.rename(photos.parent / "moved")
    arguments = [f"--workdir={workdir}", "--epochs=1", "--workers=1"]
    lost, exported = run_launch_many("export_best.py", [arguments, [*arguments, f"--images={moved}"]], timeout=600)
    assert lost[0][0] == "InvalidValueError" and "photos' is not there" in lost[0][1]
    assert exported[0] is None and "1. " in exported[1]
    moved.rename(photos)
    (photos / "red" / "new.png").write_bytes((photos / "red" / "0.png").read_bytes()[:-20] + bytes(20))
    with pytest.raises(nk.InvalidValueError, match="is a run on other images of photos: their digest was .* and is "):
        _continue(workdir, photos)


def _continue(workdir, photos):
    """Starts the search again in this process, with the folder as it is now."""
    images = nk.Images.from_folder(photos, (8, 8), seed=2)
    child, train = configs_of(read_runs([workdir])[0].fixed["recipe"], workdir)
    with nk.TrainingEvaluator(images, child=child, train=train, workers=1) as evaluator:
        nk.search(nk.spaces.small(), evaluator, strategy="random", max_evaluations=4, batch_size=2, workdir=workdir)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--images=a", "--dataset=mnist"], "--dataset=mnist cannot be combined with --images. Leave one of them out."),
        (["--valid=0.2"], "--valid=0.2 is for --images. Leave it out, or name it."),
        (["--memory_limit=-1"], "memory_limit=-1.0 is not allowed"),
        (["--images=a", "--valid=0.6", "--test=0.4"], "test=0.4 and valid=0.6 leave no image to train on"),
        (["--images=a", "--split_seed=-1"], "seed=-1 is not allowed"),
        (["--images=a", "--memory_limit=-1"], "memory_limit=-1.0 is not allowed"),
        (["--images={prepared}", "--valid=0.3"], "--valid=0.3 is for a folder of image files, and --images names a"),
        (["--images=/nowhere/at/all"], "images='/nowhere/at/all' is not there. Allowed: a folder with one folder of"),
    ],
)
def test_flags_that_cannot_be(flags, says, refusals):
    assert says in refusals[tuple(flags)]


@pytest.fixture(scope="module", name="refusals")
def _refusals(tmp_path_factory):
    marks = [mark for mark in test_flags_that_cannot_be.pytestmark if mark.name == "parametrize"]
    cases = [flags for flags, _ in marks[0].args[1]]
    workdir = tmp_path_factory.mktemp("refused") / "run"
    prepared = ROOT / "testdata" / "mnist" / "3.0.1"
    written = [[flag.format(prepared=prepared) for flag in flags] for flags in cases]
    answers = run_launch_many("search.py", [[f"--workdir={workdir}", *flags] for flags in written])
    assert not workdir.exists()
    return {tuple(flags): error[1] for flags, (error, _) in zip(cases, answers, strict=True)}
