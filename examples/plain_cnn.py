"""A search without cells: how deep and wide a plain convolutional network should be, with which kernels and pooling.

In Python:

    python examples/plain_cnn.py --workdir=runs/plain_cnn

With the launch scripts, which import this file:

    python launch/search.py --import=examples/plain_cnn.py --space=plain_cnn --build=build --workdir=runs/plain_cnn
    python launch/export_best.py --import=examples/plain_cnn.py --workdir=runs/plain_cnn --top=3

`--images=FOLDER` searches on your own images instead of MNIST: a folder of class folders, or one prepared by TFDS.
"""

import argparse
import pathlib

import nas_keras as nk

plain_cnn = nk.SearchSpace(
    "plain_cnn",
    [
        nk.Decision("blocks", (1, 2, 3)),
        nk.Decision("filters", (8, 16, 32)),
        nk.Decision("kernel", (3, 5, 7)),
        nk.Decision("pooling", ("max", "average")),
        nk.Decision("dropout", (0.0, 0.25, 0.5)),
    ],
)


def build(architecture, input_shape, num_classes):
    """Builds the network of one architecture: the chosen values, in the order of the decisions."""
    import tf_keras as keras  # the Keras of nas_keras; layers of `import keras` would not be trained

    blocks, filters, kernel, pooling, dropout = architecture
    pool = keras.layers.MaxPooling2D if pooling == "max" else keras.layers.AveragePooling2D
    images = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 255)(images)  # the images have values from 0 to 255
    for block in range(blocks):
        x = keras.layers.Conv2D(filters * 2**block, kernel, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)  # Keras' 0.99 does not converge within a short training
        x = keras.layers.ReLU()(x)
        x = pool(2, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(images, keras.layers.Dense(num_classes)(x))  # logits: no softmax


def main() -> None:
    """Searches, exports the best network, and prints both."""
    testdata = pathlib.Path(__file__).resolve().parent.parent / "testdata"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", default="runs/plain_cnn", help="folder of the run")
    parser.add_argument("--images", help="folder of class folders (default: MNIST from testdata/)")
    parser.add_argument("--max_evaluations", type=int, default=30, help="networks to train")
    parser.add_argument("--epochs", type=int, default=1, help="epochs of each in the search")
    parser.add_argument("--final_epochs", type=int, default=10, help="epochs of the best one's final training")
    parser.add_argument("--workers", type=int, help="processes (default: one per GPU, else one per core)")
    flags = parser.parse_args()

    images = nk.Images.from_folder(flags.images) if flags.images else nk.load_images("mnist", data_dir=testdata)
    train = nk.TrainConfig(epochs=flags.epochs)
    with nk.TrainingEvaluator(images, build=build, train=train, workers=flags.workers) as evaluator:
        result = nk.search(
            plain_cnn, evaluator, strategy="ppo", max_evaluations=flags.max_evaluations, seed=0, workdir=flags.workdir
        )
    for trial in result.top(3):
        print(f"{trial.reward:.2%}  {plain_cnn.decode(trial.actions)}  {trial.evaluation.num_params:,} parameters")
    (best,) = nk.export_best(
        flags.workdir, epochs=flags.final_epochs, images=images, space=plain_cnn, build=build, workers=flags.workers
    )
    print(f"{best.name}: {best.summary}")


if __name__ == "__main__":
    main()
