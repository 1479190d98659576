"""Cells designed by people, as points of the large space: the yardstick of every comparison."""

from nas_keras.spaces.cell import ADD, CONCAT, Cell


def vgg() -> Cell:
    """Two 3x3 convolutions, one after the other (Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556)."""
    return Cell.chain("conv_3x3", "conv_3x3")


def inception() -> Cell:
    """3x3, 5x5 and max pooling side by side (Szegedy et al. 2015, figure 2a, https://arxiv.org/abs/1409.4842)."""
    return Cell(((0, "conv_3x3"), (0, "conv_5x5"), (0, "max_pool_2x2")), CONCAT)


def resnet() -> Cell:
    """Two 3x3 convolutions beside the identity, added (He et al. 2016, figure 2, https://arxiv.org/abs/1512.03385)."""
    return Cell(((0, "conv_3x3"), (1, "conv_3x3"), (0, "identity")), ADD)


HUMAN_CELLS = {"vgg": vgg, "inception": inception, "resnet": resnet}
