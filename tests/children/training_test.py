"""Tests of nas_keras/children/training.py."""

import dataclasses
import functools
import math
import types

import numpy as np
import pytest

from nas_keras import _tensorflow
from nas_keras.children import batches, training
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.children.train_config import TrainConfig
from nas_keras.children.training import Split, evaluate_child, measure, train_child
from nas_keras.spaces.cell import Cell


def _child(*operations):
    return functools.partial(build_child, Cell.chain(*operations), ChildConfig(filters=4, stages=1))


_MODEL = _child("sep_conv_3x3")
_SETTINGS = {"num_classes": 2}
_CONFIG = TrainConfig(epochs=2, batch_size=32)


def _split(count, seed):
    """Noise, brighter in the upper half of a 0 and in the lower half of a 1."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 128, (count, 8, 8, 1)).astype(np.uint8)
    labels = rng.integers(0, 2, count).astype(np.int32)
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 4] += 100
    return Split(images, labels)


_TRAIN, _VALID = _split(256, 0), _split(100, 1)


@pytest.fixture(scope="module", name="tf")
def _tf():
    return _tensorflow.load_tensorflow()


@pytest.fixture(scope="module", name="model")
def _model(tf):
    """The child of seed 7, the first that is trained here."""
    return train_child(_MODEL, _TRAIN, config=_CONFIG, seed=7, **_SETTINGS)


def _weights(config=_CONFIG, train=_TRAIN, **settings):
    return train_child(_MODEL, train, config=config, **{**_SETTINGS, "seed": 7, **settings}).get_weights()


def _equal(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def test_the_same_seed_gives_the_same_weights_and_accuracy_whatever_was_trained_before(tf, model):
    expected = measure(model, _VALID)
    tf.keras.utils.set_random_seed(99)
    train_child(_child("conv_5x5"), _TRAIN, config=TrainConfig(batch_size=64), seed=8, **_SETTINGS)
    tf.random.normal([3]), np.random.normal()
    again = train_child(_MODEL, _TRAIN, config=_CONFIG, seed=7, **_SETTINGS)
    assert _equal(again.get_weights(), model.get_weights())
    assert measure(again, _VALID) == expected


def test_images_that_are_read_from_a_file_give_the_same_weights_and_accuracy(model, tmp_path, monkeypatch):
    mapped = []
    for name, split in (("train", _TRAIN), ("valid", _VALID)):
        split.images.tofile(tmp_path / name)
        mapped.append(Split(np.memmap(tmp_path / name, np.uint8, "r", shape=split.images.shape), split.labels))
    monkeypatch.setattr(batches, "_MOST_COPIED", 0)
    read = train_child(_MODEL, mapped[0], config=_CONFIG, seed=7, **_SETTINGS)
    assert _equal(read.get_weights(), model.get_weights())
    assert measure(read, mapped[1]) == measure(model, _VALID)


def test_another_seed_gives_other_weights(model):
    assert not _equal(_weights(seed=8), model.get_weights())


def test_the_seed_sets_the_order_of_the_images(tf, model, monkeypatch):
    # The same initial weights, and another purpose of the generator that draws the order.
    monkeypatch.setattr(batches, "_SHUFFLE", 3)
    assert not _equal(_weights(), model.get_weights())


def test_each_epoch_takes_each_image_once_in_an_order_of_its_own(tf, monkeypatch):
    seen = []
    original = training.make_batches

    def spy(split, order, *args, **kwargs):
        seen.append(np.array(order))
        return original(split, order, *args, **kwargs)

    monkeypatch.setattr(training, "make_batches", spy)
    _weights(train=Split(_TRAIN.images[:96], _TRAIN.labels[:96]))
    first, second = seen[0].reshape(2, 96)
    assert sorted(first) == sorted(second) == list(range(96))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(96))


def test_it_learns(tf):
    config = TrainConfig(epochs=6, batch_size=16, learning_rate=0.03)
    evaluation = evaluate_child(_child("conv_7x7"), _TRAIN, _VALID, config=config, seed=0, **_SETTINGS)
    assert evaluation.status == "ok"
    assert evaluation.reward > 0.9
    assert math.isnan(evaluation.test_accuracy)  # nobody gave a test split


def test_an_evaluation_says_what_was_measured(model):
    tested = Split(_VALID.images[:40], 1 - _VALID.labels[:40])
    evaluation = evaluate_child(_MODEL, _TRAIN, _VALID, config=_CONFIG, test=tested, seed=7, **_SETTINGS)
    accuracy, loss = measure(model, _VALID)
    assert evaluation.reward == evaluation.valid_accuracy == np.float32(accuracy)
    assert evaluation.loss == np.float32(loss)
    assert evaluation.test_accuracy == np.float32(measure(model, tested)[0])
    # Stem 9 * 1 * 4 + 16, separable 9 * 4 + 4 * 4 + 16, head 4 * 2 + 2.
    assert evaluation.num_params == 52 + 68 + 10
    assert type(evaluation.num_params) is int
    assert evaluation.epochs == 2
    assert 0 < evaluation.seconds < 600


@pytest.mark.parametrize("count", [1, 37, 100, 501])
def test_measure_agrees_with_numpy(model, count):
    split = _split(count, 2)
    logits = model(split.images).numpy().astype(np.float64)  # [N, 2]
    accuracy = np.mean(logits.argmax(axis=-1) == split.labels)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    loss = -np.mean(log_probs[np.arange(count), split.labels])
    np.testing.assert_allclose(measure(model, split), (accuracy, loss), rtol=1e-4)


def test_one_step_agrees_with_a_step_by_hand(tf):
    """Adam's first step, at the peak of the rate: each weight moves by the rate against the sign of its gradient."""
    config = TrainConfig(batch_size=256, learning_rate=1e-3, warmup=0.0)
    tf.keras.utils.set_random_seed(7)
    model = _MODEL(input_shape=(8, 8, 1), num_classes=2)
    with tf.GradientTape() as tape:
        logits = model(_TRAIN.images, training=True)
        picked = tf.gather(tf.nn.log_softmax(logits), _TRAIN.labels, batch_dims=1)
        loss = -tf.reduce_mean(picked)
    gradients = tape.gradient(loss, model.trainable_variables)
    fitted = train_child(_MODEL, _TRAIN, config=config, seed=7, **_SETTINGS).trainable_variables
    num_checked = 0
    for before, gradient, after in zip(model.trainable_variables, gradients, fitted, strict=True):
        clear = np.abs(gradient.numpy()) > 1e-3  # far from Adam's epsilon and from the rounding of sums
        expected = -1e-3 * np.sign(gradient.numpy())
        np.testing.assert_allclose((after - before).numpy()[clear], expected[clear], rtol=0.01)
        num_checked += clear.sum()
    assert num_checked > 50


@pytest.mark.parametrize(
    ("config", "num_steps", "step", "rate"),
    [
        pytest.param(TrainConfig(), 400, 0, 0.0, id="start"),
        pytest.param(TrainConfig(), 400, 50, 0.005, id="half of the warm-up"),
        pytest.param(TrainConfig(), 400, 100, 0.01, id="end of the warm-up"),
        pytest.param(TrainConfig(), 400, 250, 0.005, id="half of the decay"),
        pytest.param(TrainConfig(), 400, 175, 0.005 * (1 + math.cos(math.pi / 4)), id="a quarter of the decay"),
        pytest.param(TrainConfig(), 400, 400, 0.0, id="end"),
        pytest.param(TrainConfig(learning_rate=0.5, warmup=0.0), 10, 0, 0.5, id="no warm-up, start"),
        pytest.param(TrainConfig(learning_rate=0.5, warmup=0.0), 10, 5, 0.25, id="no warm-up, half"),
        pytest.param(TrainConfig(learning_rate=0.5, warmup=0.0), 10, 10, 0.0, id="no warm-up, end"),
        pytest.param(TrainConfig(warmup=0.25), 1, 0, 0.01, id="one step has no warm-up"),
    ],
)
def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero(tf, config, num_steps, step, rate):
    assert float(training.make_schedule(config, num_steps)(step)) == pytest.approx(rate, rel=1e-6, abs=1e-8)


def test_the_schedule_spans_all_epochs(tf, model):
    assert model.optimizer.iterations.numpy() == 16  # 4 up, 12 down; the last step's rate is that of step 15
    expected = 0.01 * (1 + math.cos(math.pi * 11 / 12)) / 2
    assert float(model.optimizer.learning_rate(model.optimizer.iterations - 1)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("count", "batch_size", "num_steps"),
    [
        pytest.param(96, 32, 3, id="whole batches"),
        pytest.param(100, 32, 3, id="a rest is left out"),
        pytest.param(20, 128, 1, id="a batch larger than the data"),
        pytest.param(1, 1, 1, id="one image"),
    ],
)
def test_steps_in_an_epoch(tf, count, batch_size, num_steps):
    train = Split(_TRAIN.images[:count], _TRAIN.labels[:count])
    model = train_child(_MODEL, train, config=TrainConfig(batch_size=batch_size), seed=0, **_SETTINGS)
    assert model.optimizer.iterations.numpy() == num_steps
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_steps_beyond_one_call_into_the_graph_are_all_taken(tf, monkeypatch):
    train = Split(_TRAIN.images[:40], _TRAIN.labels[:40])  # 5 steps
    arguments = {"config": TrainConfig(batch_size=8), "seed": 7, **_SETTINGS}
    at_once = train_child(_child("identity"), train, **arguments)
    monkeypatch.setattr(training, "_STEPS_PER_EXECUTION", 3)
    in_two = train_child(_child("identity"), train, **arguments)
    assert at_once.optimizer.iterations.numpy() == in_two.optimizer.iterations.numpy() == 5
    for weight, other in zip(at_once.get_weights(), in_two.get_weights(), strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (TrainConfig(batch_size=32, learning_rate=1e30), "the training loss is not a finite number"),
        # One step: its loss is that of the initial weights.
        (TrainConfig(batch_size=256, learning_rate=1e38), "the validation loss is not a finite number"),
    ],
)
def test_a_loss_that_is_no_number_is_a_failed_evaluation(tf, config, reason):
    evaluation = evaluate_child(_child("conv_3x3", "conv_3x3"), _TRAIN, _VALID, config=config, seed=0, **_SETTINGS)
    assert evaluation.status == f"failed: {reason}"
    assert math.isnan(evaluation.reward)
    assert evaluation.seconds > 0


def test_a_child_with_the_default_settings_is_that_of_the_first_version(tf, model):
    """The recipe as the first version had it, written out: legacy Adam on the plain loss; the weights are equal."""
    tf.keras.utils.set_random_seed(7)
    expected = _MODEL(input_shape=(8, 8, 1), num_classes=2)
    expected.compile(
        optimizer=tf.keras.optimizers.legacy.Adam(training.make_schedule(_CONFIG, 16)),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=8,
    )
    order = np.concatenate([np.random.default_rng([7, 1, epoch]).permutation(256) for epoch in (0, 1)])
    images = tf.data.Dataset.from_tensor_slices((_TRAIN.images[order], _TRAIN.labels[order])).batch(32)
    expected.fit(images, epochs=2, steps_per_epoch=8, verbose=0)
    assert _equal(model.get_weights(), expected.get_weights())


@pytest.mark.parametrize(
    "settings",
    [{"shift": 1}, {"flip": True}, {"rotate": 20}, {"weight_decay": 0.05}, {"label_smoothing": 0.1}]
    + [{"class_weights": "balanced"}],
    ids=str,
)
def test_a_setting_changes_the_training(model, settings):
    config = dataclasses.replace(_CONFIG, **settings)
    trained = train_child(_MODEL, _TRAIN, config=config, seed=7, **_SETTINGS)
    assert not _equal(trained.get_weights(), model.get_weights())
    logits = trained(_VALID.images).numpy().astype(np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    loss = -np.mean(
        log_probs[np.arange(len(_VALID.labels)), _VALID.labels]
    )  # of the labels, neither smooth nor weighed
    assert measure(trained, _VALID)[1] == pytest.approx(loss, rel=1e-4)


def test_settings_together_keep_the_training_repeatable():
    augmented = {"flip": True, "rotate": 5.0, "shift": 2, "class_weights": "balanced", "label_smoothing": 0.1}
    config = dataclasses.replace(_CONFIG, weight_decay=0.05, **augmented)
    assert _equal(_weights(config), _weights(config))


def test_dropout_changes_the_training_and_keeps_it_repeatable(tf, model):
    child = ChildConfig(filters=4, stages=1, dropout=0.5)
    dropped, other = (functools.partial(build_child, Cell.chain(name), child) for name in ("sep_conv_3x3", "identity"))
    first = train_child(dropped, _TRAIN, config=_CONFIG, seed=7, **_SETTINGS)
    assert not _equal(first.get_weights(), model.get_weights())
    train_child(other, _TRAIN, config=TrainConfig(), seed=8, **_SETTINGS)
    again = train_child(dropped, _TRAIN, config=_CONFIG, seed=7, **_SETTINGS)
    assert _equal(again.get_weights(), first.get_weights())
    assert measure(again, _VALID) == measure(again, _VALID)  # measured without dropout
    assert again.count_params() == model.count_params()


_UNEVEN = Split(_TRAIN.images, (np.arange(256) % 8 == 0).astype(np.int32))  # 224 images of class 0, 32 of class 1


@pytest.mark.parametrize(
    ("settings", "weights"),
    [({}, [1, 1]), ({"class_weights": "balanced"}, [256 / (2 * 224), 256 / (2 * 32)])],
    ids=["none", "balanced"],
)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_training_loss_agrees_with_numpy(tf, settings, weights, smoothing):
    config = TrainConfig(batch_size=256, label_smoothing=smoothing, **settings)
    tf.keras.utils.set_random_seed(7)
    initial = _MODEL(input_shape=(8, 8, 1), num_classes=2)
    logits = initial(_TRAIN.images, training=True).numpy().astype(np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    targets = np.eye(2)[_UNEVEN.labels] * (1 - smoothing) + smoothing / 2
    losses = -(targets * log_probs).sum(axis=-1) * np.array(weights)[_UNEVEN.labels]
    model = train_child(_MODEL, _UNEVEN, config=config, seed=7, **_SETTINGS)
    assert model.history.history["loss"] == [pytest.approx(losses.mean(), rel=1e-4)]


def test_a_class_without_images_has_a_weight_too():
    config = TrainConfig(class_weights="balanced")
    assert training._class_weights(config, np.array([0, 0, 0, 2]), 4) == {0: 4 / 6, 1: 2, 2: 2, 3: 2}
    assert training._class_weights(TrainConfig(), np.array([0, 0, 0, 2]), 4) is None


def test_weights_decay_but_for_biases_and_norms(tf):
    """AdamW's step is Adam's, and a kernel shrinks by the product of the decay and the rate."""
    settings = {"batch_size": 256, "learning_rate": 1e-3, "warmup": 0.0}
    tf.keras.utils.set_random_seed(7)
    before = _MODEL(input_shape=(8, 8, 1), num_classes=2).trainable_variables
    plain, decayed = (
        train_child(_MODEL, _TRAIN, config=TrainConfig(**settings, weight_decay=decay), seed=7, **_SETTINGS)
        for decay in (0.0, 100.0)
    )
    kernels = 0
    for start, one, other in zip(before, plain.trainable_variables, decayed.trainable_variables, strict=True):
        is_kernel = "kernel" in start.name
        kernels += is_kernel
        expected = one - (0.1 * start if is_kernel else 0.0)
        np.testing.assert_allclose(other, expected, rtol=1e-4, atol=1e-5)
    assert kernels == 4  # of the stem, the separable convolution (two) and the head


def test_the_training_step_is_traced_only_as_often_as_keras_must(tf, monkeypatch):
    # The loop of `fit` traces its body twice; a `tf.function` that creates variables would do so once more.
    traced = []
    original = tf.keras.Model.train_step
    monkeypatch.setattr(tf.keras.Model, "train_step", lambda self, data: traced.append(self) or original(self, data))
    train_child(_MODEL, _TRAIN, config=_CONFIG, seed=7, **_SETTINGS)
    assert 1 <= len(traced) <= 2


def test_the_moving_average_takes_the_place_of_the_weights_but_not_of_the_statistics_of_batch_norm(tf):
    built, seen = [], []

    def make_model(**settings):
        built.append(_MODEL(**settings))
        seen.append(built[0].get_weights())
        return built[0]

    config = TrainConfig(epochs=3, batch_size=256, ema=0.6)  # a step an epoch
    model = train_child(
        make_model,
        _TRAIN,
        config=config,
        seed=7,
        on_epoch=lambda done, model: seen.append(built[0].get_weights()),
        **_SETTINGS,
    )
    initial, *steps = seen
    for i, (weight, found) in enumerate(zip(model.weights, model.get_weights(), strict=True)):
        average = initial[i]
        for step in steps:
            average = 0.6 * average + 0.4 * step[i]
        np.testing.assert_allclose(found, average if weight.trainable else steps[-1][i], rtol=1e-5, atol=1e-6)
    assert len(steps) == 3 and not _equal(initial, steps[0])


@pytest.mark.parametrize(
    "settings",
    [
        {"precision": "mixed_bfloat16"},
        {"precision": "mixed_float16"},
        {"jit_compile": True},
        {
            "precision": "mixed_float16",
            "ema": 0.1,
            "weight_decay": 0.01,
            "label_smoothing": 0.1,
            "class_weights": "balanced",
        },
    ],
)
def test_what_is_for_gpus_trains_on_a_cpu_too(tf, model, settings):
    trained = train_child(_MODEL, _TRAIN, config=dataclasses.replace(_CONFIG, **settings), seed=7, **_SETTINGS)
    assert measure(trained, _VALID)[0] == pytest.approx(measure(model, _VALID)[0], abs=0.1)
    assert trained.get_layer("logits").compute_dtype == "float32"
    convolution = next(layer for layer in trained.layers if "conv" in layer.name)
    assert convolution.compute_dtype == settings.get("precision", "float32").removeprefix("mixed_")
    assert {variable.dtype for variable in trained.trainable_variables} == {tf.float32}
    assert tf.keras.mixed_precision.global_policy().name == "float32"  # what comes after is not touched


@pytest.mark.parametrize(("side", "batch_size"), [(28, 500), (64, 500), (128, 128), (512, 8), (2048, 1)])
def test_the_batches_of_a_measurement_are_smaller_for_large_images(monkeypatch, side, batch_size):
    made = []
    monkeypatch.setattr(training, "make_batches", lambda split, order, size, **settings: made.append(size))
    model = types.SimpleNamespace(evaluate=lambda batches, **settings: {"accuracy": 0.5, "loss": 1.0})
    images = np.broadcast_to(np.zeros((), np.uint8), (3, side, side, 1))
    assert measure(model, Split(images, np.zeros(3, np.int32))) == (0.5, 1.0) and made == [batch_size]
