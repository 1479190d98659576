"""Tests of nas_keras/data/folder.py, folder_listing.py and folder_pixels.py, through `Images.from_folder`."""

import errno
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from nas_keras.data import folder_pixels
from nas_keras.data.images import Images
from nas_keras.data.sources import load_source
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.system.atomic_files import WriteError


def _fill(folder, count, seed, shape=(8, 6, 3)):
    """Saves noise in which no two images are alike; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
    for i, image in enumerate(noise):
        Image.fromarray(image.squeeze()).save(folder / f"{i:03}.png")
    return noise


@pytest.fixture(name="pets")
def _pets(tmp_path, monkeypatch):
    """Three classes of 20, 20 and 10 images; large files of pixels go below tmp_path."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for seed, (name, count) in enumerate({"cat": 20, "dog": 20, "ämsel": 10}.items()):
        _fill(tmp_path / "pets" / name, count, seed)
    return tmp_path / "pets"


def _counts(images):
    return [np.bincount(labels).tolist() for labels in (images.train_labels, images.valid_labels, images.test()[1])]


def _pixels(images):
    return np.concatenate([images.train_images, images.valid_images, images.test()[0]])


def test_class_folders_are_split_by_class(pets, caplog):
    images = Images.from_folder(pets, seed=5)
    assert not caplog.records
    assert (images.name, images.class_names, images.image_shape) == ("pets", ("cat", "dog", "ämsel"), (8, 6, 3))
    assert _counts(images) == [[16, 16, 8], [2, 2, 1], [2, 2, 1]]
    for label, name in enumerate(images.class_names):
        found = np.concatenate(
            [
                images.train_images[images.train_labels == label],
                images.valid_images[images.valid_labels == label],
                images.test()[0][images.test()[1] == label],
            ]
        )
        expected = [np.asarray(Image.open(path)) for path in (pets / name).iterdir()]
        assert sorted(map(bytes, found)) == sorted(map(bytes, expected))
    assert Images.from_folder(pets, seed=5).digest == images.digest != Images.from_folder(pets, seed=6).digest
    larger = Images.from_folder(pets, valid=0.25, test=0)
    assert np.bincount(larger.valid_labels).tolist() == [5, 5, 2] and larger.load_test is None


@pytest.mark.parametrize("valid", ["validation", "valid", "Val"])
def test_split_folders_are_used_as_they_are(tmp_path, valid, caplog):
    for seed, (part, name) in enumerate((p, n) for p in ("Train", valid, "test") for n in ("a", "b")):
        _fill(tmp_path / "set" / part / name, {"Train": 4, valid: 3, "test": 2}[part], seed)
    images = Images.from_folder(tmp_path / "set")
    assert _counts(images) == [[4, 4], [3, 3], [2, 2]] and not caplog.records
    first = np.asarray(Image.open(tmp_path / "set" / "Train" / "a" / "000.png"))
    np.testing.assert_array_equal(images.train_images[0], first)
    # Without a folder for validation, it is drawn from train.
    shutil.rmtree(tmp_path / "set" / valid)
    assert _counts(Images.from_folder(tmp_path / "set", valid=0.25)) == [[3, 3], [1, 1], [2, 2]]


def test_a_class_may_be_called_train(tmp_path):
    for seed, name in enumerate(["bus", "train"]):
        _fill(tmp_path / "set" / name, 10, seed)
    assert Images.from_folder(tmp_path / "set").class_names == ("bus", "train")


def test_a_test_folder_without_classes_is_left_out(tmp_path, caplog):
    for seed, name in enumerate("ab"):
        _fill(tmp_path / "set" / "train" / name, 10, seed)
    _fill(tmp_path / "set" / "test", 3, 9)
    images = Images.from_folder(tmp_path / "set")
    assert "1 split folder without class folders is left out: test (3 files of unknown class)." in caplog.text
    assert _counts(images) == [[8, 8], [1, 1], [1, 1]]  # drawn from train


def test_what_is_left_out_is_named(pets, caplog):
    usual = Images.from_folder(pets)
    (pets / "notes.txt").write_text("x")
    (pets / "cat" / "Thumbs.db").write_bytes(b"x")
    (pets / "cat" / ".DS_Store").write_bytes(b"x")
    (pets / "cat" / "more").mkdir()
    (pets / "cat" / "gone.png").symlink_to("nowhere")
    (pets / "empty").mkdir()
    (pets / ".git").mkdir()
    (pets / "dog" / "broken.jpg").write_bytes(b"no image")
    whole = (pets / "dog" / "003.png").read_bytes()
    images = Images.from_folder(pets)
    assert images.digest == usual.digest  # nothing but these was left out
    assert [record.getMessage().removeprefix(f"{pets}: ") for record in caplog.records] == [
        "6 stray files or folders are left out: .git, notes.txt, cat/.DS_Store (a hidden file), cat/gone.png (a link "
        "to nothing), cat/more (a folder of 0; images must lie directly in their class folder), cat/Thumbs.db (not a "
        "PNG, JPEG, BMP, GIF or WebP image).",
        "1 class without files is left out: empty.",
        "1 file that cannot be read as an image is left out: dog/broken.jpg (not a PNG, JPEG, BMP, GIF or WebP image).",
    ]
    # A file whose pixels are damaged is missing from its split, and nothing else changes.
    caplog.clear()
    (pets / "dog" / "003.png").write_bytes(whole[: len(whole) // 2])
    images = Images.from_folder(pets)
    assert "dog/003.png (image file is truncated" in caplog.text
    assert len(_pixels(images)) == 49 and sum(map(sum, _counts(images))) == 49
    lost = set(map(bytes, _pixels(usual))) - set(map(bytes, _pixels(images)))
    assert len(lost) == 1
    for i in range(12):
        (pets / "cat" / f"z{i:02}.png").write_bytes(b"")
    caplog.clear()
    Images.from_folder(pets)
    assert "13 files that cannot be read as images are left out: cat/z00.png (the file is empty), " in caplog.text
    assert "cat/z09.png (the file is empty), and 3 more." in caplog.text


def test_a_class_that_loses_all_its_images_is_an_error(pets, caplog):
    for path in (pets / "ämsel").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InvalidValueError, match="no image of the class 'ämsel' can be read, as the warning says"):
        Images.from_folder(pets)
    assert "ämsel/000.png (the file is empty)" in caplog.text
    for path in (pets / "ämsel").iterdir():  # good headers, no pixels
        path.write_bytes((pets / "cat" / "000.png").read_bytes()[:60])
    with pytest.raises(InvalidValueError, match="no image of the class 'ämsel' can be read"):
        Images.from_folder(pets)


def test_images_of_all_kinds_become_one(tmp_path):
    _fill(tmp_path / "set" / "a", 10, 0, (8, 6, 1))
    _fill(tmp_path / "set" / "b", 10, 1, (8, 6, 1))
    assert Images.from_folder(tmp_path / "set").image_shape == (8, 6, 1)
    _fill(tmp_path / "set" / "b", 1, 2)
    assert Images.from_folder(tmp_path / "set").image_shape == (8, 6, 3)
    _fill(tmp_path / "set" / "b", 2, 3, (5, 6, 3))
    message = r"have 2 sizes \(height,width\): 18 of 8,6, 2 of 5,6. .*image_size \(--image_size\).*such as 8,6"
    with pytest.raises(InvalidValueError, match=message):
        Images.from_folder(tmp_path / "set")
    images = Images.from_folder(tmp_path / "set", (4, 4))
    assert images.image_shape == (4, 4, 3) and images.source["image_size"] == [4, 4]
    assert "bilinear, antialias=True" in images.source["resize"]


def test_the_images_are_loaded_again_from_their_source(pets, tmp_path):
    images = Images.from_folder(pets, (4, 4), valid=0.3, test=0.2, seed=3, name="mine")
    source = json.loads(json.dumps(images.source))
    again = load_source(source)
    assert (again.digest, again.name, again.class_names) == (images.digest, "mine", images.class_names)
    np.testing.assert_array_equal(again.test()[0], images.test()[0])
    pets.rename(tmp_path / "moved")
    assert load_source(source, data_dir=tmp_path / "moved").digest == images.digest
    with pytest.raises(InvalidValueError, match="pets' is not there"):
        load_source(source)
    with pytest.raises(DataError, match="does not say where the images are: 'seed'"):
        load_source({name: value for name, value in source.items() if name != "seed"})


def test_more_than_the_memory_limit_is_in_a_file_and_the_same(pets, tmp_path, caplog, monkeypatch):
    whole = (pets / "dog" / "003.png").read_bytes()
    (pets / "dog" / "003.png").write_bytes(whole[: len(whole) // 2])
    near, far = Images.from_folder(pets), Images.from_folder(pets, memory_limit=50 * 8 * 6 * 3 / 2**30 * 0.999)
    assert not isinstance(near.train_images, np.memmap)
    assert isinstance(Images.from_folder(pets, memory_limit=50 * 8 * 6 * 3 / 2**30).train_images, np.ndarray)
    assert isinstance(far.train_images, np.memmap) and isinstance(far.test()[0], np.memmap)
    assert far.digest == near.digest and not far.train_images.flags.writeable
    np.testing.assert_array_equal(far.test()[0], near.test()[0])
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.name == f"nas_keras-{os.getuid()}" and folder.stat().st_mode & 0o777 == 0o700
    (path,) = folder.glob("*.uint8")
    assert path.stat().st_size == 49 * 8 * 6 * 3 and len(list(folder.iterdir())) == 2
    # It is used again, until an image changes or the file is damaged; the findings are told again.
    decoded = []
    original = folder_pixels._decode
    monkeypatch.setattr(folder_pixels, "_decode", lambda *args: decoded.append(1) or original(*args))
    caplog.clear()
    assert Images.from_folder(pets, memory_limit=0).digest == near.digest and not decoded
    assert "dog/003.png (image file is truncated" in caplog.text
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert Images.from_folder(pets, memory_limit=0).digest == near.digest and len(decoded) == 1
    assert f"{path} is damaged; the images are decoded again." in caplog.text
    (pets / "dog" / "003.png").write_bytes(whole)
    assert len(_pixels(Images.from_folder(pets, memory_limit=0))) == 50 and len(decoded) == 2
    assert len(list(folder.glob("*.uint8"))) == 2


def test_a_folder_of_another_user_holds_no_pixels(pets, tmp_path):
    folder = tmp_path / "tmp" / f"nas_keras-{os.getuid()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with pytest.raises(DataError, match="is not a folder that only you can write"):
        Images.from_folder(pets, memory_limit=0)


def test_no_room_for_the_pixels_is_said_before_they_are_decoded(pets, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 49 * 8 * 6 * 3))
    with pytest.raises(
        WriteError, match="take 0.0 GiB, but .* has room for 0.0 GiB. Free some, name another folder by"
    ):
        Images.from_folder(pets, memory_limit=0)
    assert not list((tmp_path / "tmp").glob("*/*"))


def test_names_in_two_unicode_forms(tmp_path):
    for part, name in (("train", "caf\u00e9"), ("train", "tea"), ("val", "cafe\u0301"), ("val", "tea")):
        _fill(tmp_path / "set" / part / name, 4, len(part) + len(name))
    assert Images.from_folder(tmp_path / "set", test=0).class_names == ("caf\u00e9", "tea")
    _fill(tmp_path / "set" / "train" / "cafe\u0301", 4, 9)
    with pytest.raises(InvalidValueError, match="have the same class name 'café', in different Unicode forms"):
        Images.from_folder(tmp_path / "set", test=0)


def test_a_class_whose_name_is_not_utf_8(pets):
    os.mkdir(os.fsencode(pets) + b"/\xff")
    with pytest.raises(InvalidValueError, match="is a class folder whose name is not UTF-8. Rename it."):
        Images.from_folder(pets)


def _two_validations(folder):
    for part in ("train", "val", "valid"):
        _fill(folder / part / "a", 2, 0)


@pytest.mark.parametrize(
    ("make", "settings", "says"),
    [
        (lambda folder: None, {}, "/set' is not there. Allowed: a folder with one folder of images for each class"),
        (lambda folder: folder.write_text(""), {}, "/set' is a file. Allowed"),
        (lambda folder: folder.mkdir(), {}, "has no class folder with files; it holds 0 files and 0 others: nothing"),
        (
            lambda folder: _fill(folder, 3, 0),
            {},
            "holds 3 files and 0 others: '000.png', '001.png', '002.png'. Allowed",
        ),
        (lambda folder: _fill(folder / "x" / "a", 3, 0), {}, "holds 0 files and 1 other: 'x'. Allowed"),
        (lambda folder: _fill(folder / "a", 3, 0), {}, r"has images of 1 class: 'a'. Allowed: at least two"),
        (
            lambda folder: (folder / "train" / "a").mkdir(parents=True),
            {},
            "no image file in the class folders of train/",
        ),
        (_two_validations, {}, "has two folders for one split, one of them 'valid'. Allowed: one of validation"),
        (lambda folder: None, {"image_size": (0, 3)}, "image_size=0 is not allowed"),
        (lambda folder: None, {"image_size": 32}, r"image_size=32 is not allowed: it must be \(height, width\)"),
        (lambda folder: None, {"valid": 1}, "valid=1 is not allowed: it must be a fraction"),
        (lambda folder: None, {"test": None}, "test=None is not allowed: it must be a fraction"),
        (lambda folder: None, {"memory_limit": -1}, "memory_limit=-1 is not allowed"),
        (lambda folder: None, {"name": "a\n"}, "An image set's name must be"),
    ],
)
def test_folders_and_settings_that_cannot_be(tmp_path, make, settings, says):
    make(tmp_path / "set")
    with pytest.raises(InvalidValueError, match=says):
        Images.from_folder(tmp_path / "set", **settings)


def test_no_validation_split_is_an_error(pets):
    with pytest.raises(InvalidValueError, match="valid=0.0 leaves no image to validate on"):
        Images.from_folder(pets, valid=0)


def test_a_class_whose_name_has_control_characters(pets):
    (pets / "a\nb").mkdir()
    with pytest.raises(
        InvalidValueError, match=r"The class folder 'a\\nb' has control characters in its name. Rename it"
    ):
        Images.from_folder(pets)


def test_a_folder_that_cannot_be_read(pets, monkeypatch):  # root may read everything
    iterdir = pathlib.Path.iterdir

    def refuse(path):
        if path.name == "dog":
            raise PermissionError(errno.EACCES, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(pathlib.Path, "iterdir", refuse)
    with pytest.raises(DataError, match="dog cannot be read: Permission denied. Allow reading it, or remove it."):
        Images.from_folder(pets)


def test_links_in_a_circle_are_left_out(pets, caplog):
    (pets / "dog" / "again").symlink_to(pets)
    (pets / "dog" / "loop.png").symlink_to(pets / "dog" / "loop.png")
    os.mkfifo(pets / "dog" / "pipe.png")
    assert len(_pixels(Images.from_folder(pets))) == 50
    assert "dog/again (a folder of 3; images must lie directly in their class folder)" in caplog.text
    assert "dog/loop.png (a link to nothing)" in caplog.text and "dog/pipe.png (not a file)" in caplog.text
