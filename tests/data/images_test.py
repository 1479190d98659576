"""Tests of nas_keras/data/images.py, tfds.py, tfds_pixels.py and the MNIST that is shipped in testdata/."""

import errno
import gzip
import importlib.util
import json
import os
import pathlib
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest

from nas_keras import _tensorflow
from nas_keras.data.images import Images
from nas_keras.data.sources import load_source
from nas_keras.data.tfds import load_images
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.system.mapped_files import is_mapped

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_TESTDATA = _ROOT / "testdata"


@pytest.fixture(scope="module", name="tfds")
def _tfds():
    _tensorflow.prefer_legacy_keras()
    _tensorflow.load_tensorflow()
    import tensorflow_datasets

    return tensorflow_datasets


@pytest.fixture(scope="module", name="mnist")
def _mnist(splits_read):
    """MNIST as shipped, loaded once; what is read of it stands in `splits_read`."""
    del splits_read[:]
    return load_images("mnist", data_dir=_TESTDATA)


@pytest.fixture(scope="module", name="splits_read")
def _splits_read(tfds):
    """The splits of which TFDS is asked for the images from here on, in order."""
    read = []
    as_dataset = tfds.core.DatasetBuilder.as_dataset

    def spy(self, split=None, decoders=None, **kwargs):
        if decoders is None:
            read.append(split)
        else:  # of the labels
            assert [type(decoder) for decoder in decoders.values()] == [tfds.decode.SkipDecoding]
        return as_dataset(self, split=split, decoders=decoders, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds.core.DatasetBuilder, "as_dataset", spy)
        yield read


@pytest.fixture(name="no_network")
def _no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError(f"the network was asked: {args} {kwargs}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def _store(
    tfds, data_dir, name, version, counts, *, shape=(4, 4, 3), dtype=np.uint8, num_shards=1, image=None, label=None
):
    """Writes a small data set: image i is `image(i)` or filled with i, its label is label(split, i) or i % 5.

    Returns its folder.
    """
    features = {
        "image": tfds.features.Image(shape=shape, dtype=dtype),
        "label": tfds.features.ClassLabel(num_classes=10),
    }
    if name == "cifar10":  # as TFDS' own code for it has them
        features["id"] = tfds.features.Text()

    def examples(split, count):
        for i in range(count):
            pixels = image(i) if image else np.full(shape, i, dtype)
            example = {"image": pixels, "label": label(split, i) if label else i % 5, "id": f"id_{i}"}
            yield i, {key: example[key] for key in features}

    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: examples(split, count) for split, count in counts.items()},
        data_dir=data_dir,
        disable_shuffling=True,
        download_config=tfds.download.DownloadConfig(num_shards=num_shards),
    )
    return pathlib.Path(builder.data_dir)


def _arrays(count=6, labels=None, shape=(4, 4, 3)):
    images = np.arange(count * np.prod(shape)).reshape(count, *shape).astype(np.uint8)
    return images, np.asarray(np.arange(count) % 3 if labels is None else labels)


# --- MNIST as shipped ---------------------------------------------------------------------------------------------


def test_mnist_has_the_images_of_the_idx_files_in_their_order(mnist):
    assert (mnist.name, mnist.num_classes, mnist.image_shape) == ("mnist", 10, (28, 28, 1))
    assert mnist.train_images.shape == (55_000, 28, 28, 1) and mnist.train_images.dtype == np.uint8
    assert mnist.valid_images.shape == (5_000, 28, 28, 1) and mnist.valid_labels.dtype == np.int32
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.valid_labels[:5].tolist() == [1, 2, 8, 7, 4]
    # Sums of the pixels in the IDX files: the first 55,000 images, and the last 5,000.
    assert mnist.train_images.sum(dtype=np.int64) == 1_437_309_103
    assert mnist.valid_images.sum(dtype=np.int64) == 129_989_442
    assert np.bincount(mnist.valid_labels).tolist() == [489, 530, 493, 509, 499, 458, 482, 563, 494, 483]
    # Row 7 of the first digit, a 5: its upper bar.
    assert mnist.train_images[0, 7, 7:12, 0].tolist() == [49, 238, 253, 253, 253]


def test_mnist_test_split_is_read_at_the_first_call_of_test_and_once(mnist, splits_read):
    assert mnist.digest and mnist.source and repr(mnist)
    assert splits_read[:2] == ["train[:55000]", "train[55000:60000]"] and "test" not in splits_read
    images, labels = mnist.test()
    assert mnist.test()[0] is images and splits_read.count("test") == 1
    assert images.shape == (10_000, 28, 28, 1) and images.sum(dtype=np.int64) == 264_923_200
    assert labels.dtype == np.int32 and labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_mnist_source_is_json_and_loads_the_same_again(mnist, monkeypatch):
    monkeypatch.chdir(_ROOT)
    assert json.loads(json.dumps(mnist.source)) == {
        "dataset": "mnist",
        "version": "3.0.1",
        "data_dir": os.path.abspath("testdata"),
        "splits": {"train": "train[:55000]", "validation": "train[55000:60000]", "test": "test"},
        "split_rule": "tail",
        "image_size": None,
    }


def test_mnist_digest_is_that_of_the_idx_order(mnist):
    # The order is part of it. A change of this number makes the shipped rewards those of another recipe.
    assert mnist.digest == "567377aa708276bc7081405fab38a06514342c081f865056e9e2e475d058761a"


def test_tfds_itself_loads_mnist_from_testdata(tfds, no_network):
    dataset, info = tfds.load("mnist", data_dir=_TESTDATA, download=False, with_info=True)
    assert {split: info.splits[split].num_examples for split in dataset} == {"train": 60_000, "test": 10_000}
    assert [int(example["label"]) for example in dataset["test"].take(5)] == [7, 2, 1, 0, 4]


def test_generated_files_name_no_folder_of_the_machine_that_wrote_them():
    for path in (_TESTDATA / "mnist").rglob("*.json"):
        text = path.read_text()
        # No folder of the machine that runs this test, and no text that starts as a folder of any machine does.
        for start in (str(_ROOT), str(pathlib.Path.home()), tempfile.gettempdir(), '"/', '"file:'):
            assert start not in text, path


def test_make_mnist_refuses_a_wrong_sum_a_missing_file_and_a_torn_one(tmp_path):
    spec = importlib.util.spec_from_file_location("make_mnist", _TESTDATA / "make_mnist.py")
    make_mnist = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_mnist)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte.gz is missing"):
        make_mnist.read_mnist(str(tmp_path))
    path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x02\x05\x06"))
    with pytest.raises(ValueError, match="MD5 [0-9a-f]{32}, the published sum is 6bbc9ace898e44ae57da46a324031adb"):
        make_mnist.read_mnist(str(tmp_path))
    labels = make_mnist.read_idx(str(path), "08640e79376deb836007415214fc49a2")
    assert labels.tolist() == [5, 6]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="not a whole gzip file"):
        make_mnist.read_mnist(str(tmp_path))

    script = [sys.executable, str(_TESTDATA / "make_mnist.py"), f"--idx_dir={tmp_path}", f"--data_dir={tmp_path / 'd'}"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("make_mnist: ") and "Traceback" not in done.stderr
    assert not (tmp_path / "d").exists()


# --- Other data sets ----------------------------------------------------------------------------------------------


def test_another_data_set_is_read_in_stored_order_across_its_files(tfds, tmp_path):
    folder = _store(tfds, tmp_path, "cifar10", "3.0.2", {"train": 120, "test": 7}, shape=(32, 32, 3), num_shards=3)
    assert len(list(folder.glob("*train*"))) == 3
    images = load_images("cifar10", data_dir=tmp_path)
    assert images.image_shape == (32, 32, 3)
    assert images.train_images[:, 0, 0, 0].tolist() == list(range(110))
    assert images.valid_images[:, 0, 0, 0].tolist() == list(range(110, 120))
    assert images.test()[1].tolist() == [0, 1, 2, 3, 4, 0, 1]


@pytest.mark.parametrize(
    ("counts", "splits"),
    [
        ({"train": 60}, {"train": "train[:48]", "test": "train[54:60]", "validation": "train[48:54]"}),
        ({"train": 60, "test": 5}, {"train": "train[:55]", "test": "test", "validation": "train[55:60]"}),
        ({"train": 50, "validation": 5}, {"train": "train[:45]", "test": "train[45:50]", "validation": "validation"}),
        (
            {"train": 30, "validation": 5, "test": 4},
            {"train": "train", "test": "test", "validation": "validation"},
        ),
        ({"train": 3}, {"train": "train[:1]", "test": "train[2:3]", "validation": "train[1:2]"}),
    ],
)
def test_what_a_set_without_its_own_splits_gives_for_them(tfds, tmp_path, counts, splits):
    _store(tfds, tmp_path, "dots", "1.0.0", counts)  # a set of the user's own: TFDS has no code for it
    images = load_images("dots", data_dir=tmp_path)
    assert images.source["splits"] == splits and images.source["split_rule"] == "tail"
    used = np.concatenate([images.train_images, images.valid_images, images.test()[0]])
    assert len(used) == sum(counts.values())
    copy = pickle.loads(pickle.dumps(load_images("dots:1.0.0", data_dir=tmp_path)))
    assert copy.digest == images.digest
    np.testing.assert_array_equal(copy.test()[0], images.test()[0])


def test_a_set_stored_class_by_class_is_split_by_class(tfds, tmp_path, splits_read):
    _store(tfds, tmp_path, "own_test", "1.0.0", {"train": 120, "test": 5}, label=lambda split, i: i // 24)
    _store(tfds, tmp_path, "one_split", "1.0.0", {"train": 120}, label=lambda split, i: i // 24, num_shards=3)
    images = load_images("own_test", data_dir=tmp_path)
    assert (
        np.bincount(images.train_labels).tolist() == [22] * 5 and np.bincount(images.valid_labels).tolist() == [2] * 5
    )
    assert images.source["split_rule"] == "stratified, seed 0"
    assert images.source["splits"] == {
        "train": "110 of the 120 images of train, by class",
        "validation": "10 of the 120 images of train, by class",
        "test": "test",
    }
    # Image i has the pixels i and the label i // 24, whatever the order.
    assert (images.train_images[:, 0, 0, 0] // 24 == images.train_labels).all()
    assert (np.diff(images.train_labels) < 0).any()
    del splits_read[:]
    whole = load_images("one_split", data_dir=tmp_path)
    assert np.bincount(whole.valid_labels).tolist() == np.bincount(whole.test()[1]).tolist() == [2] * 5
    used = np.concatenate([whole.train_images, whole.valid_images, whole.test()[0]])[:, 0, 0, 0]
    assert sorted(used.tolist()) == list(range(120))
    # Which images are drawn must not change, since rewards depend on it.
    drawn = [whole.valid_images[:, 0, 0, 0].tolist(), whole.test()[0][:, 0, 0, 0].tolist()]
    assert drawn == [[63, 109, 4, 18, 26, 48, 37, 107, 92, 95], [43, 85, 28, 70, 73, 56, 10, 116, 21, 115]]
    copy = pickle.loads(pickle.dumps(load_source(json.loads(json.dumps(whole.source)))))
    assert copy.digest == whole.digest and (copy.test()[0] == whole.test()[0]).all()
    assert len(splits_read) == 10  # twice train and validation to see the labels, train and validation as drawn, test


def test_a_run_from_before_the_rule_was_named_gets_its_own_images(tfds, tmp_path, caplog):
    _store(tfds, tmp_path, "sorted", "1.0.0", {"train": 120, "test": 10}, label=lambda split, i: i // 24 % 5)
    source = dict(load_images("sorted", data_dir=tmp_path).source)
    assert source.pop("split_rule") == "stratified, seed 0" and "the validation split" not in caplog.text
    images = load_source(source | {"data_dir": "/nowhere"}, data_dir=tmp_path)
    assert images.train_images[:, 0, 0, 0].tolist() == list(range(110))
    assert images.source["split_rule"] == "tail"
    assert "sorted: the validation split has no image of 4 of the 10 classes: 0, 1, 2, 3." in caplog.text
    with pytest.raises(DataError, match="does not say where the images are: 'image_size'"):
        load_source({"dataset": "sorted", "version": "1.0.0"})


def test_a_test_split_with_hidden_labels_counts_as_none(tfds, tmp_path, splits_read, caplog):
    _store(
        tfds,
        tmp_path,
        "hidden",
        "1.0.0",
        {"train": 60, "test": 9},
        label=lambda split, i: -1 if split == "test" else i % 5,
    )
    del splits_read[:]
    images = load_images("hidden", data_dir=tmp_path)
    assert images.load_test is None and "test" not in images.source["splits"] and "test" not in splits_read
    assert "hidden: 9 of the 9 labels of its test split are hidden (negative)" in caplog.text
    with pytest.raises(DataError, match="hidden has no test split"):
        images.test()


def test_a_damaged_test_split_is_found_before_the_search(tfds, tmp_path):
    folder = _store(tfds, tmp_path, "dots", "1.0.0", {"train": 60, "test": 5})
    path = folder / "dots-test.tfrecord-00000-of-00001"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match="dots.1.0.0: split test cannot be read"):
        load_images("dots", data_dir=tmp_path)


@pytest.fixture(name="pixel_folder")
def _pixel_folder(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp" / f"nas_keras-{os.getuid()}"


@pytest.mark.parametrize(
    ("counts", "label", "settings"),
    [
        ({"train": 70, "test": 9}, lambda split, i: i % 5, {}),
        ({"train": 120}, lambda split, i: i // 24, {}),  # by class, in another order than that of the files
        ({"train": 40, "validation": 5, "test": 4}, lambda split, i: i % 5, {"image_size": (2, 3)}),
    ],
)
def test_a_set_above_the_memory_limit_is_in_files_and_the_same(tfds, tmp_path, pixel_folder, counts, label, settings):
    rng = np.random.default_rng(0)
    _store(tfds, tmp_path, "dots", "1.0.0", counts, label=label, image=lambda i: rng.integers(0, 256, (4, 4, 3), "u1"))
    near = load_images("dots", data_dir=tmp_path, **settings)
    size = sum(counts.values()) * np.prod(near.image_shape) / 2**30
    assert not is_mapped(load_images("dots", data_dir=tmp_path, memory_limit=size, **settings).train_images)
    assert not pixel_folder.exists()
    far = load_images("dots", data_dir=tmp_path, memory_limit=0.999 * size, **settings)
    assert is_mapped(far.train_images) and is_mapped(far.valid_images)
    assert len(list(pixel_folder.glob("*.uint8"))) == 2  # the test images wait for the export
    assert is_mapped(far.test()[0]) and len(list(pixel_folder.glob("*.uint8"))) == 3
    for mine, its in zip([*near.test(), near.train_labels], [*far.test(), far.train_labels], strict=True):
        np.testing.assert_array_equal(mine, its)
        assert mine.dtype == its.dtype
    assert (near.digest, near.source, near.class_names) == (far.digest, far.source, far.class_names)
    assert load_source(far.source, memory_limit=0).digest == near.digest


def test_the_files_of_a_set_are_used_again_until_it_changes(tfds, tmp_path, pixel_folder, splits_read):
    folder = _store(tfds, tmp_path, "dots", "1.0.0", {"train": 60, "test": 5})
    first = load_images("dots", data_dir=tmp_path, memory_limit=0)
    assert first.test()[1].tolist() == [0, 1, 2, 3, 4]
    del splits_read[:]
    again = pickle.loads(pickle.dumps(load_images("dots", data_dir=tmp_path, memory_limit=0)))
    assert again.digest == first.digest and len(again.test()[0]) == 5 and not splits_read
    shutil.rmtree(folder)
    _store(tfds, tmp_path, "dots", "1.0.0", {"train": 60, "test": 5}, image=lambda i: np.full((4, 4, 3), i + 1, "u1"))
    other = load_images("dots", data_dir=tmp_path, memory_limit=0)
    assert other.digest != first.digest and other.train_images[0, 0, 0, 0] == 1
    with pytest.raises(InvalidValueError, match="memory_limit=-1 is not allowed"):
        load_images("dots", data_dir=tmp_path, memory_limit=-1)


@pytest.mark.parametrize("memory_limit", [0, None])
@pytest.mark.parametrize("said", [39, 41])
def test_a_set_with_another_number_of_images_than_it_says(tfds, tmp_path, pixel_folder, memory_limit, said):
    folder = _store(tfds, tmp_path, "dots", "1.0.0", {"train": 40, "validation": 5, "test": 5})
    path = folder / "dataset_info.json"
    path.write_text(path.read_text().replace('"40"', f'"{said}"'))
    with pytest.raises(DataError, match=f"split train cannot be read: Input dataset .* contain {said} elements but"):
        load_images("dots", data_dir=tmp_path, memory_limit=memory_limit)
    assert not list(pixel_folder.glob("*"))


def test_a_prepared_folder_is_given_by_its_path(tfds, tmp_path, no_network, monkeypatch):
    folder = _store(tfds, tmp_path, "dots", "1.0.0", {"train": 60, "test": 5})
    by_name = load_images("dots", data_dir=tmp_path)
    monkeypatch.chdir(tmp_path)
    for path in (folder, folder.parent, "./dots"):
        images = load_images(str(path))
        assert (images.name, images.digest) == (by_name.name, by_name.digest)
        assert images.source["prepared"] == str(folder)
    monkeypatch.chdir("/")
    assert load_source(json.loads(json.dumps(images.source))).digest == images.digest
    folder.parent.rename(tmp_path / "renamed")
    moved = load_images(str(tmp_path / "renamed" / "1.0.0"))
    assert (moved.name, moved.digest) == ("dots", images.digest)
    with pytest.raises(InvalidValueError, match="dots/1.0.0' is not a prepared data set of TFDS: it must hold one"):
        load_source(images.source)
    (tmp_path / "renamed" / "2.0.0").mkdir()
    shutil.copy(tmp_path / "renamed" / "1.0.0" / "dataset_info.json", tmp_path / "renamed" / "2.0.0")
    with pytest.raises(InvalidValueError, match="must hold one dataset_info.json"):
        load_images(str(tmp_path / "renamed"))
    with pytest.raises(InvalidValueError, match="is a path, so that data_dir='/' would be ignored"):
        load_images(str(tmp_path / "renamed" / "1.0.0"), data_dir="/")
    (tmp_path / "renamed" / "1.0.0" / "features.json").write_text('{"type": "os.system"}')
    with pytest.raises(DataError, match="names 'os.system', which is not a feature of TFDS"):
        load_images(str(tmp_path / "renamed" / "1.0.0"))


def test_a_prepared_folder_that_cannot_be_opened(tfds, tmp_path):
    folder = _store(tfds, tmp_path, "dots", "1.0.0", {"train": 60, "test": 5})
    (folder / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="cannot be opened in .*dots/1.0.0: .* Remove its folder there and prepare"):
        load_images(str(folder))
    (folder / "features.json").write_text("{")
    with pytest.raises(DataError, match="features.json cannot be read: JSONDecodeError: .* and prepare the set again."):
        load_images(str(folder))


def test_a_folder_of_prepared_sets_that_cannot_be_read(tfds, tmp_path, monkeypatch):
    def refuse(path, pattern):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "glob", refuse)
    with pytest.raises(DataError, match=f"{tmp_path} cannot be read: Permission denied. Name another folder by data_"):
        load_images("mnist", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"train_images": [1]}, "train images are a list. Allowed: uint8 .N, H, W, C.; Images.from_arrays converts"),
        ({"valid_images": np.zeros((2, 4, 4, 1))}, "valid images are float64 .2, 4, 4, 1.. Allowed: uint8 .N, H, W, C"),
        (
            {"train_labels": np.zeros(6)},
            "train labels are float64 .6.. Allowed: int32 .N.; Images.from_arrays converts",
        ),
    ],
)
def test_images_that_are_made_without_a_conversion(changed, says):
    images, labels = _arrays()
    right = {
        "train_images": images, "train_labels": labels.astype(np.int32),
        "valid_images": images + np.uint8(1), "valid_labels": labels.astype(np.int32),
    }  # fmt: skip
    Images("right", **right, num_classes=3)
    with pytest.raises(InvalidValueError, match=says):
        Images("wrong", **(right | changed), num_classes=3)


def test_the_classes_of_a_set_have_its_names(tfds, tmp_path):
    assert Images.from_arrays(_arrays(), _arrays(3)).class_names == ("0", "1", "2")
    _store(tfds, tmp_path, "dots", "1.0.0", {"train": 60, "test": 5})
    assert load_images("dots", data_dir=tmp_path).class_names == tuple(map(str, range(10)))
    assert load_images("mnist", data_dir=_TESTDATA).class_names == tuple("0123456789")


def test_names_are_found_in_capitals_too(tfds, tmp_path, no_network):
    _store(tfds, tmp_path, "cifar10", "3.0.2", {"train": 60, "test": 5}, shape=(32, 32, 3))
    for name in ("CIFAR10", "Cifar10:3.0.2"):
        assert load_images(name, data_dir=tmp_path).source["dataset"] == "cifar10"


def test_a_missing_set_without_a_folder_names_the_folder_of_tfds(tfds, no_network):
    with pytest.raises(InvalidValueError, match="here the default of TFDS, /.*tensorflow_datasets"):
        load_images("zzzzzzzz")


def test_channels_that_tfds_cannot_decode(tfds, tmp_path):
    # Grey with alpha: TFDS writes such a set, but cannot read it. As it is advised, it can.
    _store(tfds, tmp_path, "alpha", "1.0.0", {"train": 60}, shape=(4, 4, 2))
    with pytest.raises(InvalidValueError, match=r"images of 2 channels.*Image\(shape=\(None, None, 1\)\)"):
        load_images("alpha", data_dir=tmp_path)
    png = tmp_path / "grey_and_alpha.png"
    png.write_bytes(_tensorflow.load_tensorflow().io.encode_png(np.full((4, 4, 2), 100, np.uint8)).numpy())
    _store(tfds, tmp_path, "grey", "1.0.0", {"train": 60}, shape=(None, None, 1), image=lambda i: str(png))
    with pytest.raises(InvalidValueError, match="has the same images as its training split"):  # all are that one
        load_images("grey", data_dir=tmp_path, image_size=(4, 4))


@pytest.mark.parametrize("counts", [{"train": 2}, {"everything": 30}])
def test_a_set_with_nothing_to_train_on(tfds, tmp_path, counts):
    _store(tfds, tmp_path, "dots", "1.0.0", counts)
    with pytest.raises(InvalidValueError, match=r"dots/1.0.0 has the splits \{.*which leave nothing to train on"):
        load_images("dots", data_dir=tmp_path)


def test_varying_sizes_need_image_size(tfds, tmp_path):
    def image(i):
        return np.full((4 + i % 3, 4, 3), i, np.uint8)

    _store(tfds, tmp_path, "tf_flowers", "3.0.1", {"train": 50}, shape=(None, None, 3), image=image)
    with pytest.raises(InvalidValueError, match=r"varying size \(None, None, 3\).*pass image_size=\(height, width\)"):
        load_images("tf_flowers", data_dir=tmp_path)
    images = load_images("tf_flowers", data_dir=tmp_path, image_size=(8, 6))
    assert images.train_images.shape == (40, 8, 6, 3) and images.train_images.dtype == np.uint8
    assert (images.train_images == np.arange(40).reshape(40, 1, 1, 1)).all()  # one colour stays that colour
    assert images.source["image_size"] == [8, 6]


def test_resizing_averages_and_rounds(tfds, tmp_path):
    ramp = np.tile(np.arange(0, 24, 3, dtype=np.uint8)[:, np.newaxis], (8, 1, 1))  # each row 0, 3, ..., 21
    _store(
        tfds,
        tmp_path,
        "dots",
        "1.0.0",
        {"train": 12},
        shape=(8, 8, 1),
        image=lambda i: ramp + np.uint8(i),
        label=lambda split, i: 0,
    )
    small = load_images("dots", data_dir=tmp_path, image_size=[4, 4])
    # Between the borders a symmetric window gives the mean of two neighbours: 7.5 and 13.5, rounded, not cut.
    assert small.train_images[0, :, 1:3, 0].tolist() == [[8, 14]] * 4
    assert small.digest != load_images("dots", data_dir=tmp_path).digest


@pytest.mark.parametrize("image_size", [3, "88", (8,), (8, 0), (8, 2.5)])
def test_impossible_image_size(image_size):
    with pytest.raises(InvalidValueError, match="image_size="):
        load_images("mnist", data_dir=_TESTDATA, image_size=image_size)


def test_images_of_another_type(tfds, tmp_path):
    _store(tfds, tmp_path, "deep", "1.0.0", {"train": 30}, dtype=np.uint16)
    with pytest.raises(InvalidValueError, match="images of type uint16. Allowed: uint8; .*Images.from_arrays"):
        load_images("deep", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mnst", "name='mnst' is unknown. Close: mnist"),
        ("dotz", "Close: dots"),  # a set of the user's own, found in the folder
        ("zzzzzzzz", "Close: none"),
        ("mnist:9.9.9", "cannot be loaded at version 9.9.9, only: 3.0.1"),
        ("mnist/other", "BuilderConfig other not found"),
        ("a b", "name='a b' is not allowed: Parsing"),
        ("huggingface:mnist", "community namespaces are not supported"),
        ("titanic", "titanic/4.0.0 is not a data set of image classification. Its features: .*survived: ClassLabel"),
        ("coco", "not a data set of image classification. Its features: image: Image"),
        ("ted_multi_translate", "not a data set of image classification. Its features: translations: "),
    ],
)
def test_names_that_cannot_be_used(tfds, tmp_path, no_network, name, says):
    (tmp_path / "dots").mkdir()
    with pytest.raises(InvalidValueError, match=says):
        load_images(name, data_dir=tmp_path)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_missing_set_fails_at_once_and_asks_no_network(tfds, tmp_path, no_network, monkeypatch, name):
    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", lambda *args, **kwargs: pytest.fail("downloads")
    )
    start = time.monotonic()
    with pytest.raises(DataError) as error:
        load_images(name, data_dir=tmp_path)
    assert time.monotonic() - start < 10
    for part in (f"{name}/3.0.", str(tmp_path / name), "download=True (--download)", "data_dir (--data_dir)"):
        assert part in str(error.value)
    assert ("the copy that comes along" in str(error.value)) == (name == "mnist")


def test_download_is_called_when_asked_and_only_if_needed(tfds, tmp_path, no_network, monkeypatch):
    calls = []

    def prepare(builder):
        calls.append(builder.info.full_name)
        _store(tfds, tmp_path, "cifar10", "3.0.2", {"train": 60, "test": 5}, shape=(32, 32, 3))
        builder.info.read_from_directory(builder.data_dir)

    # On the class of cifar10 alone, as _store prepares with a builder too.
    monkeypatch.setattr(tfds.builder_cls("cifar10"), "download_and_prepare", prepare)
    for _ in range(2):
        images = load_images("cifar10", data_dir=tmp_path, download=True)
        assert len(images.train_images) == 55
        assert calls == ["cifar10/3.0.2"]


def test_a_failing_download_is_one_of_data(tfds, tmp_path, monkeypatch):
    def prepare(builder):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(tfds.builder_cls("cifar10"), "download_and_prepare", prepare)
    with pytest.raises(DataError, match="cifar10/3.0.2 could not be fetched .*ConnectionError: no route to host"):
        load_images("cifar10", data_dir=tmp_path, download=True)


@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_damaged_files(tfds, tmp_path, damage):
    folder = _store(tfds, tmp_path, "dots", "1.0.0", {"train": 24, "test": 3})
    path = folder / "dots-train.tfrecord-00000-of-00001"
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(
            content[: len(content) // 2] + (b"" if damage == "cut" else b"x" + content[len(content) // 2 + 1 :])
        )
    with pytest.raises(DataError, match=r"dots.1.0.0: split train\[:22\] cannot be read: "):
        load_images("dots", data_dir=tmp_path)


def test_a_folder_that_holds_no_whole_set(tfds, tmp_path, no_network):
    folder = _store(tfds, tmp_path, "dots", "1.0.0", {"train": 24})
    (folder / "dataset_info.json").write_text("{torn")
    with pytest.raises(DataError, match="dots cannot be opened in .*ParseError.*Remove its folder"):
        load_images("dots", data_dir=tmp_path)
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    with pytest.raises(DataError, match="mnist/3.0.1 holds no prepared set: remove that folder"):
        load_images("mnist", data_dir=tmp_path, download=True)


# --- Arrays -------------------------------------------------------------------------------------------------------


def test_from_arrays_converts_what_loses_nothing():
    gray = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    images = Images.from_arrays(
        (gray, np.array([0, 2], np.uint64)), (gray + 40, [1, 0]), test=(gray + 80, np.array([1, 1], np.int8))
    )
    assert (images.name, images.num_classes, images.image_shape, images.source) == ("arrays", 3, (4, 4, 1), {})
    assert images.train_labels.dtype == images.valid_labels.dtype == images.test()[1].dtype == np.int32
    assert pickle.loads(pickle.dumps(images)).test()[1].tolist() == [1, 1]
    assert Images.from_arrays((gray, [0, 2]), (gray + 40, [1, 0]), num_classes=np.int64(7)).num_classes == 7


def test_digest_depends_on_content_order_and_split_and_not_on_the_name():
    images, labels = _arrays()
    base = Images.from_arrays((images, labels), (images[:2], labels[:2]))
    assert base.digest == Images.from_arrays((images, labels), (images[:2], labels[:2]), name="b").digest
    assert base.digest == Images.from_arrays((np.asfortranarray(images), labels), (images[:2], labels[:2])).digest
    others = [
        Images.from_arrays((images[::-1], labels[::-1]), (images[:2], labels[:2])),
        Images.from_arrays((images, labels[::-1]), (images[:2], labels[:2])),
        Images.from_arrays((images, labels), (images[1::-1], labels[1::-1])),
        Images.from_arrays((images[:2], labels[:2]), (images, labels), num_classes=3),
        Images.from_arrays((images.reshape(6, 2, 8, 3), labels), (images[:2].reshape(2, 2, 8, 3), labels[:2])),
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 6


def test_test_is_read_once_and_checked():
    images, labels = _arrays(labels=np.arange(6, dtype=np.int32) % 3)
    calls = []

    def load():
        calls.append(1)
        return images, labels

    given = dict(name="x", train_images=images, train_labels=labels, valid_images=images[:3], valid_labels=labels[:3])
    lazy = Images(**given, num_classes=3, load_test=load)
    assert lazy.digest and not calls
    assert lazy.test()[0] is lazy.test()[0] and calls == [1]
    with pytest.raises(DataError, match=r"x has no test split: pass test=\(images, labels\)"):
        Images(**given, num_classes=3).test()
    with pytest.raises(InvalidValueError, match="test labels run from -1 to -1. Allowed: 0 to 2"):
        Images(**given, num_classes=3, load_test=lambda: (images, labels * 0 - 1)).test()


@pytest.mark.parametrize(
    ("train", "says"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), r"train is a ndarray. Allowed: a pair \(images, labels\)"),
        ((np.zeros((2, 4), np.uint8), [0, 1]), r"train images are uint8 \[2, 4\]"),
        ((np.zeros((2, 4, 4, 3), np.uint8), [0, 1, 2]), "with 3 labels. Allowed: at least one image and one label for"),
        ((np.zeros((0, 4, 4, 3), np.uint8), np.zeros(0, int)), r"train images are uint8 \[0, 4, 4, 3\], with 0 labels"),
        ((np.zeros((2, 0, 4, 3), np.uint8), [0, 1]), r"train images are uint8 \[2, 0, 4, 3\], with 2 labels"),
        ((np.zeros((2, 4, 4, 3), np.uint8), [0, 3]), "train labels run from 0 to 3. Allowed: 0 to 2, as num_classes=3"),
        ((np.zeros((2, 4, 4, 3), np.uint8), [-1, 1]), "train labels run from -1 to 1"),
        ((np.zeros((2, 4, 4, 1), np.uint8), [0, 1]), r"valid images are .*Allowed: \[4, 4, 1\] each, as the train"),
    ],
)
def test_arrays_that_cannot_be_used(train, says):
    with pytest.raises(InvalidValueError, match=says):
        Images.from_arrays(train, _arrays(), num_classes=3)


def test_labels_that_do_not_count_from_0():
    images, labels = _arrays()
    given = Images.from_arrays((images, labels + 1), (images[:3], labels[:3] + 1))
    assert (given.num_classes, given.class_names) == (3, ("1", "2", "3"))
    assert given.train_labels.tolist() == labels.tolist()
    assert Images.from_arrays((images, labels + 1), (images[:3], labels[:3] + 1), num_classes=4).num_classes == 4


def _numbered(count):
    """Images of which each is told apart by its pixels, of three classes in turn, one of them rare."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    return images, np.where(np.arange(count) % 10 == 0, 2, np.arange(count) % 2)


def test_fractions_are_drawn_from_each_class():
    images, labels = _numbered(200)
    given = Images.from_arrays((images, labels), valid=0.2, test=0.1, seed=3)
    tested = given.test()
    assert [np.bincount(found).tolist() for found in (given.train_labels, given.valid_labels, tested[1])] == [
        [56, 70, 14],
        [16, 20, 4],
        [8, 10, 2],
    ]
    used = np.concatenate([given.train_images, given.valid_images, tested[0]])[:, 0, 0, 0]
    assert sorted(used.tolist()) == list(range(200))
    found = np.concatenate([given.train_labels, given.valid_labels, tested[1]])
    assert found.tolist() == labels[used].tolist()
    assert given.digest == Images.from_arrays((images, labels), 0.2, test=0.1, seed=3).digest
    assert given.digest != Images.from_arrays((images, labels), 0.2, test=0.1, seed=4).digest
    # A fraction beside a split of the user's own, and none.
    mixed = Images.from_arrays((images, labels), (255 - images[:30], labels[:30]), test=0.1)
    assert (len(mixed.train_labels), len(mixed.valid_labels), len(mixed.test()[1])) == (180, 30, 20)
    assert Images.from_arrays((images, labels), test=0).load_test is None
    assert len(Images.from_arrays((images, labels)).valid_labels) == 40


@pytest.mark.parametrize(
    ("fractions", "says"),
    [
        ({"valid": 1.5}, "valid=1.5 is not allowed: it must be a fraction, of at least 0 and less than 1."),
        ({"valid": True}, "valid=True is not allowed: it must be a fraction"),
        ({"test": np.nan}, "test=nan is not allowed"),
        ({"valid": 0.5, "test": 0.5}, "test=0.5 and valid=0.5 leave no image to train on"),
        ({"valid": 0}, "valid=0 of 20 images leaves none to validate on. Allowed: a fraction of more than 0"),
        ({"valid": "0.2"}, "valid is a str. Allowed: a pair .*, or the fraction of train that becomes the valid split"),
        ({"seed": -1}, "seed=-1 is not allowed"),
        ({"valid": None}, "valid is a NoneType. Allowed: a pair"),
    ],
)
def test_fractions_that_cannot_be(fractions, says):
    with pytest.raises(InvalidValueError, match=says):
        Images.from_arrays(_numbered(20), **fractions)
    with pytest.raises(InvalidValueError, match="train is a float. Allowed: a pair"):
        Images.from_arrays(0.5)


def test_test_arrays_with_hidden_labels_count_as_none(caplog):
    images, labels = _arrays()
    given = Images.from_arrays((images, labels), (images[:3], labels[:3]), test=(images, labels * 0 - 1))
    assert given.load_test is None and given.num_classes == 3
    assert "arrays: 6 of the 6 labels of its test split are hidden (negative)" in caplog.text


@pytest.mark.parametrize("num_classes", [1, 0, 2.5, "10", np.float64(3.5)])
def test_num_classes_that_cannot_be_used(num_classes):
    with pytest.raises(InvalidValueError, match="num_classes="):
        Images.from_arrays(_arrays(), _arrays(3), num_classes=num_classes)


def test_wrong_test_arrays_are_refused_at_once():
    with pytest.raises(InvalidValueError, match="test images are uint8"):
        Images.from_arrays(_arrays(), _arrays(3), test=_arrays(shape=(4, 4, 1)))


def test_labels_that_are_no_arrays():
    images = _arrays()[0]
    with pytest.raises(InvalidValueError, match="train labels are a list"):
        Images("x", images, [0] * 6, images, [0] * 6, num_classes=2)


def test_importing_images_imports_no_tensorflow():
    code = "import sys, nas_keras.data.images; assert not {'tensorflow', 'tensorflow_datasets'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=_ROOT, check=True)
