"""Tests of nas_keras/_launch/image_flags.py."""

from helpers import ROOT, ask_flags

_DEFINE = f"""
from nas_keras._launch.image_flags import ImageFlags

images = ImageFlags({str(ROOT / "launch" / "search.py")!r}, dataset="A data set.", folder=True, prepare=True)
"""


def test_mnist_is_in_testdata_unless_a_folder_is_named():
    testdata = repr(str(ROOT / "testdata"))
    folder = "images.folder(images.dataset.value)"
    assert ask_flags(
        _DEFINE,
        [folder], [folder, "--dataset=MNIST:3.0.1"], [folder, "--data_dir="], [folder, "--dataset=cifar10"],
        [folder, "--data_dir=there"], [folder, "--dataset=cifar10", "--data_dir=there"],
    ) == [testdata, testdata, testdata, "None", "'there'", "'there'"]  # fmt: skip


def test_the_size_of_images():
    size = "images.image_size()"
    refused = "InvalidValueError: --image_size={} is not allowed: write height,width in pixels, such as 32,32."
    cases = [[size], [size, "--image_size=8,16"], [size, "--image_size=8"], [size, "--image_size=8,-1"]]
    assert ask_flags(_DEFINE, *cases) == ["None", "(8, 16)", refused.format("8"), refused.format("8,-1")]


def test_images_are_loaded():
    image, refused = ask_flags(
        _DEFINE,
        ["images.images().image_shape", "--image_size=14,14"],
        ["images.images('mnist')", "--data_dir=/nowhere"],
    )
    assert image == "(14, 14, 1)" and "/nowhere" in refused


def test_flags_of_images_that_are_impossible_or_exclude_each_other():
    check = "images.check()"
    answers = ask_flags(
        _DEFINE,
        [check],
        [check, "--images=mine", "--valid=0.2", "--memory_limit=1"],
        [check, "--memory_limit=-1"],
        [check, "--split_seed=3"],
        [check, "--images=mine", "--valid=0.7", "--test=0.6"],
        [check, "--images=mine", "--download"],
    )
    assert answers[:2] == ["None", "None"]
    assert answers[2] == "InvalidValueError: memory_limit=-1.0 is not allowed: it must be a number of at least 0."
    assert answers[3] == "InvalidValueError: --split_seed=3 is for --images. Leave it out, or name it."
    assert answers[4].startswith("InvalidValueError: ") and "0.7" in answers[4]
    assert answers[5] == ("InvalidValueError: --download=True cannot be combined with --images. Leave one of them out.")
