"""Tests of nas_keras/data/decoding.py: each kind of image file, against pixels that are known."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from nas_keras.data import decoding
from nas_keras.data.decoding import Header, UnreadableError, decode, read_header
from nas_keras.errors import DataError

_RNG = np.random.default_rng(0)
_RGB = _RNG.integers(0, 256, (6, 4, 3), np.uint8)
_GREY = _RNG.integers(0, 256, (6, 4), np.uint8)


def _decode(path, channels=3, size=(6, 4), may_resize=False):
    pixels = decode(path, size, channels, may_resize=may_resize)
    assert pixels.dtype == np.uint8 and pixels.shape == (*size, channels)
    return pixels


def _save(path, array, mode=None, **settings):
    image = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
    image.save(path, **settings)
    return path


@pytest.mark.parametrize(("suffix", "settings"), [("png", {}), ("bmp", {}), ("webp", {"lossless": True})])
def test_formats_without_loss(tmp_path, suffix, settings):
    path = _save(tmp_path / f"a.{suffix}", _RGB, **settings)
    assert read_header(path) == Header(6, 4, False)
    np.testing.assert_array_equal(_decode(path), _RGB)
    if suffix != "webp":  # which has no grey
        path = _save(tmp_path / f"grey.{suffix}", _GREY)
        assert read_header(path) == Header(6, 4, True)
        np.testing.assert_array_equal(_decode(path, 1)[..., 0], _GREY)
        np.testing.assert_array_equal(_decode(path), np.repeat(_GREY[..., None], 3, axis=-1))


def test_the_ending_of_a_name_does_not_count(tmp_path):
    np.testing.assert_array_equal(_decode(_save(tmp_path / "a.jpg", _RGB, format="PNG")), _RGB)
    np.testing.assert_array_equal(_decode(_save(tmp_path / "none", _RGB, format="BMP")), _RGB)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg(tmp_path, mode):
    smooth = np.add.outer(np.arange(6) * 20, np.arange(4) * 10)[..., None] + np.array([0, 30, 60])
    path = _save(tmp_path / "a.jpeg", smooth.astype(np.uint8), mode, quality=100)
    assert read_header(path).is_grey == (mode == "L")
    expected = smooth if mode != "L" else np.repeat(smooth @ [[0.299], [0.587], [0.114]], 3, axis=-1)
    np.testing.assert_allclose(_decode(path), expected, atol=4)


def test_the_first_frame_of_a_gif(tmp_path):
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)[_RNG.integers(0, 3, (2, 6, 4))]
    frames = [Image.fromarray(frame) for frame in palette]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 2
    np.testing.assert_array_equal(_decode(tmp_path / "a.gif"), palette[0])


def test_palettes_and_two_colours(tmp_path):
    image = Image.fromarray(_RGB).quantize(16)
    image.save(tmp_path / "palette.png")
    assert not read_header(tmp_path / "palette.png").is_grey
    np.testing.assert_array_equal(_decode(tmp_path / "palette.png"), np.asarray(image.convert("RGB")))
    bits = _GREY > 128
    path = _save(tmp_path / "bits.png", bits)
    assert read_header(path).is_grey
    np.testing.assert_array_equal(_decode(path, 1)[..., 0], np.where(bits, 255, 0))


def test_16_bits_become_8_by_rounding(tmp_path):
    values = np.array([[0, 128, 129, 257], [32_767, 32_768, 65_406, 65_535]], np.uint16)
    path = _save(tmp_path / "deep.png", values)
    assert read_header(path).is_grey
    np.testing.assert_array_equal(_decode(path, 1, (2, 4))[..., 0], np.round(values / 257))
    assert np.round(values / 257).tolist() == [[0, 0, 1, 1], [127, 128, 254, 255]]
    np.testing.assert_array_equal(_decode(path, 3, (2, 4))[..., 2], np.round(values / 257))


def test_transparent_pixels_are_blended_with_white(tmp_path):
    alpha = np.array([0, 51, 255, 0] * 6, np.uint8).reshape(6, 4, 1)
    blended = np.round(_RGB * (alpha / 255) + 255 * (1 - alpha / 255))
    path = _save(tmp_path / "a.png", np.concatenate([_RGB, alpha], axis=-1))
    np.testing.assert_allclose(_decode(path), blended, atol=1)
    grey = np.concatenate([_GREY[..., None], alpha], axis=-1)
    path = _save(tmp_path / "grey.png", grey)
    assert read_header(path).is_grey
    expected = np.round(_GREY * (alpha[..., 0] / 255) + 255 * (1 - alpha[..., 0] / 255))
    np.testing.assert_allclose(_decode(path, 1)[..., 0], expected, atol=1)
    # A palette with a transparent colour, and a grey value that is transparent.
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "palette.png", transparency=0)
    assert _decode(tmp_path / "palette.png", 3, (1, 2)).tolist() == [[[255] * 3, [40, 50, 60]]]
    Image.fromarray(np.array([[7, 9]], np.uint8)).save(tmp_path / "key.png", transparency=7)
    assert _decode(tmp_path / "key.png", 1, (1, 2)).tolist() == [[[255], [9]]]


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.swapaxes(0, 1)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda a: np.rot90(a)),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_the_orientation_in_exif_data_is_applied(tmp_path, orientation, turn, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _save(
        tmp_path / f"a.{suffix}", _RGB, exif=exif.tobytes(), **({"lossless": True} if suffix == "webp" else {})
    )
    expected = turn(_RGB)
    assert read_header(path) == Header(*expected.shape[:2], False)
    np.testing.assert_array_equal(_decode(path, size=expected.shape[:2]), expected)


def test_another_size_is_resized_as_tensorflow_does(tmp_path):
    tf = pytest.importorskip("tensorflow")
    image = _RNG.integers(0, 256, (40, 30, 3), np.uint8)
    path = _save(tmp_path / "a.png", image)
    expected = tf.image.resize(image, (6, 4), method="bilinear", antialias=True).numpy()
    np.testing.assert_array_equal(_decode(path, may_resize=True), np.round(expected).clip(0, 255))
    # Each pixel is a mean over about 7 pixels, not a single one.
    assert _decode(path, may_resize=True).std() < image.std() / 2
    with pytest.raises(UnreadableError, match="its size is 40,30"):
        _decode(path)


def _png(array=_RGB):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello", "not a PNG, JPEG, BMP, GIF or WebP image"),
        (b"P5 4 6 255 " + bytes(24), "not a PNG"),  # Netpbm, which Pillow could read
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 6\n", "not a PNG"),  # for which Pillow would start Ghostscript
    ],
)
def test_what_is_no_image(tmp_path, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    for read in (read_header, _decode):
        with pytest.raises(UnreadableError, match=reason):
            read(tmp_path / "a.png")


def test_damaged_files_never_give_pixels_or_another_error(tmp_path):
    path, rng = tmp_path / "a.png", np.random.default_rng(1)
    noise = rng.integers(0, 256, (32, 32, 3), np.uint8)
    files = [_png(noise)]
    for kind, settings in (("JPEG", {}), ("GIF", {}), ("WEBP", {}), ("BMP", {})):
        file = io.BytesIO()
        Image.fromarray(noise).save(file, kind, **settings)
        files.append(file.getvalue())
    num_refused = 0
    for content in files:
        for length in (10, 40, len(content) // 2, len(content) - 40):
            path.write_bytes(content[:length])
            with pytest.raises(UnreadableError):
                decode(path, (32, 32), 3, may_resize=False)
        for _ in range(60):
            damaged = bytearray(content)
            for place in rng.integers(0, len(damaged), 8):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                read_header(path)
                assert decode(path, (32, 32), 3, may_resize=False).shape == (32, 32, 3)
            except UnreadableError as error:
                assert str(error)
                num_refused += 1
    assert num_refused > 50


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path):
    png = bytearray(_png())
    png[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    png[29:33] = zlib.crc32(bytes(png[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(UnreadableError, match="decompression bomb"):
        read_header(tmp_path / "bomb.png")


def test_a_machine_that_cannot_read_now_does_not_lose_images(tmp_path, monkeypatch):
    path = _save(tmp_path / "a.png", _RGB)

    def refuse(*args, **kwargs):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(decoding.Image, "open", refuse)
    with pytest.raises(DataError, match="a.png cannot be read now: Too many open files"):
        read_header(path)


def test_values_of_more_than_16_bits_are_refused():
    image = Image.fromarray(np.array([[0, 70_000]], np.int32))
    with pytest.raises(ValueError, match="its values run from 0 to 70000, which is more than 16 bits"):
        decoding._to_pixels(image, 1)
