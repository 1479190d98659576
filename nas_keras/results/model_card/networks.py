"""The section of a model card about the network and its training, of one child or of the children of an ensemble."""

import dataclasses
import math

from nas_keras.results.model_card.facts import CardFacts
from nas_keras.results.model_card.markdown import code, make_table


def training(facts: CardFacts) -> str:
    """Size, network around the cell, recipe and seed."""
    architecture, flops = facts.architecture, facts.written.flops
    cost = "not known" if math.isnan(flops) else f"{flops:,.0f} for one image (a multiply-add is two)"
    rows = [["parameters", f"{facts.written.num_params:,}"], ["FLOPs", cost]]
    if architecture.cell is not None:
        rows.append(["cell", code(architecture.cell.key)])
    if architecture.child is not None:
        rows.append(["network", _settings(architecture.child)])
    rows += [["training", _settings(architecture.train)], ["seed", str(architecture.seed)]]
    return make_table(["what ", "value "], rows)


def members(facts: CardFacts) -> str:
    """Size of an ensemble, and the accuracies, network and training of each of its children."""
    rows = []
    for member in facts.members:
        test = "–" if member.test_accuracy is None else f"{member.test_accuracy:.2%}"
        rows.append(
            [member.rank, code(member.title), f"{member.num_params:,}", f"{member.valid_accuracy:.2%}", test]
            + [member.architecture.seed]
        )
    table = make_table(["rank", "child ", "parameters", "validation", "test", "seed"], rows)
    flops, first = facts.written.flops, facts.architecture
    cost = "a number of FLOPs that is not known" if math.isnan(flops) else f"{flops:,.0f} FLOPs"
    text = (
        f"{table}\n\nAll children together compute {cost} for one image. The ensemble answers with the mean of their "
        "probabilities, whose logarithms are its logits.\n\nThe training of each child, of which `architecture.json` "
        f"has all settings: {_settings(first.train)}."
    )
    return text if first.child is None else f"{text} The network around each cell: {_settings(first.child)}."


def _settings(config: object) -> str:
    """The fields of a configuration: "filters 16, stages 2"."""
    fields = dataclasses.asdict(config)  # type: ignore[call-overload]
    return ", ".join(f"{name} {value}" for name, value in fields.items())
