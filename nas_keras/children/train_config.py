"""The settings of a child's training, and the values that they may have."""

import dataclasses
from typing import Any

from nas_keras.errors import InvalidValueError, check_at_least, check_choice, check_flag, use_python_numbers

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
CLASS_WEIGHTS = ("none", "balanced")
MOST_EPOCHS = 10_000  # the order of the images is drawn beforehand for all of them
_MOST_SHIFT = 1_000  # pixels
_MOST_ROTATION = 180  # degrees


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of a child's training.

    Attributes:
        epochs: number of passes over the training split. The learning rate schedule spans all of them.
        batch_size: number of images per step, over all replicas together.
        learning_rate: peak learning rate of Adam. 0.01 is high for a long training and right for a few hundred steps.
        warmup: fraction of the steps in which the rate rises linearly from 0 to the peak; in the others it falls to 0
            along a cosine.
        shift: largest random shift of a training image in each direction, in pixels, drawn anew in each epoch; the
            border is filled with 0. With 0, images are not shifted.
        precision: "float32", or "mixed_float16" or "mixed_bfloat16", in which layers compute in 16 bits while weights
            and logits stay float32. Faster on GPUs (and CPUs with AMX), slower elsewhere.
        jit_compile: whether to compile the training step with XLA. For GPUs; on a CPU the speed can drop to half.
        flip: whether to mirror half of the training images, left to right, drawn anew in each epoch. Not for images
            whose meaning changes, such as digits.
        rotate: largest random rotation of a training image to either side, in degrees, drawn anew in each epoch; the
            corners are filled with 0. With 0, images are not rotated.
        weight_decay: decoupled weight decay of AdamW (Loshchilov and Hutter, 2019): each step shrinks a kernel by the
            product of this value and the learning rate. Biases and batch norm are left out. With 0, plain Adam trains
            the child: a step costs the same, but a child starts about half a second earlier.
        label_smoothing: fraction of a label's probability that the training loss spreads evenly over all classes, 0 or
            more and less than 1. The measured loss is that of the labels themselves.
        class_weights: "none", or "balanced", in which the training loss weighs an image by the inverse of the frequency
            of its class. Accuracies count every image once, in either case.
        ema: momentum of an exponential moving average of the weights, which takes their place after the last step, 0 or
            more and less than 1. With 0.999 it spans about 1,000 steps, of which a training needs several times as
            many. With 0, the weights are those of the last step.
    """

    epochs: int = 1
    batch_size: int = dataclasses.field(default=128, metadata={"flag": "train_batch_size"})  # a search has batches too
    learning_rate: float = 0.01
    warmup: float = 0.25
    shift: int = 0
    precision: str = dataclasses.field(default="float32", metadata={"later": True})
    jit_compile: bool = dataclasses.field(default=False, metadata={"later": True})
    flip: bool = dataclasses.field(default=False, metadata={"later": True})
    rotate: float = dataclasses.field(default=0.0, metadata={"later": True})
    weight_decay: float = dataclasses.field(default=0.0, metadata={"later": True})
    label_smoothing: float = dataclasses.field(default=0.0, metadata={"later": True})
    class_weights: str = dataclasses.field(default="none", metadata={"later": True})
    ema: float = dataclasses.field(default=0.0, metadata={"later": True})

    def __post_init__(self) -> None:
        use_python_numbers(self)
        check_choice("precision", self.precision, PRECISIONS)
        check_at_least("shift", self.shift, 0, at_most=_MOST_SHIFT)
        check_flag("jit_compile", self.jit_compile)
        check_at_least("epochs", self.epochs, 1, at_most=MOST_EPOCHS)
        check_at_least("batch_size", self.batch_size, 1)
        check_at_least("learning_rate", self.learning_rate, 0, integer=False)
        check_at_least("warmup", self.warmup, 0, integer=False)
        if self.warmup >= 1:
            raise InvalidValueError(f"warmup={self.warmup} is a fraction of the steps: give 0 or more and less than 1.")
        check_flag("flip", self.flip)
        check_at_least("rotate", self.rotate, 0, integer=False, at_most=_MOST_ROTATION)
        check_at_least("weight_decay", self.weight_decay, 0, integer=False)
        if self.weight_decay * self.learning_rate >= 1:
            raise InvalidValueError(
                f"weight_decay={self.weight_decay} with learning_rate={self.learning_rate} is not allowed: their "
                "product, by which a step shrinks a kernel, must be below 1. 0.0001 to 0.1 are usual."
            )
        check_at_least("label_smoothing", self.label_smoothing, 0, integer=False)
        if self.label_smoothing >= 1:
            raise InvalidValueError(
                f"label_smoothing={self.label_smoothing} is a fraction of a label: give 0 or more and less than 1."
            )
        check_choice("class_weights", self.class_weights, CLASS_WEIGHTS)
        check_at_least("ema", self.ema, 0, integer=False)
        if self.ema >= 1:
            raise InvalidValueError(f"ema={self.ema} must be below 1; 0.99 to 0.9999 are usual.")
        for name in ("rotate", "weight_decay", "label_smoothing", "ema"):  # 10 and 10.0 are one recipe
            object.__setattr__(self, name, float(getattr(self, name)))


def flag_name(field: "dataclasses.Field[Any]") -> str:
    """Returns the name of a setting's flag, without dashes."""
    return field.metadata.get("flag", field.name)
