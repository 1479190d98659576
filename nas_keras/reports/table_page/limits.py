"""Sections on the limits of a table's figures: the noise of training, and how reliable the order of the cells is."""

import math
from collections.abc import Sequence

import numpy as np

from nas_keras.reports import table_statistics
from nas_keras.reports.markdown import code, make_table, number, percent
from nas_keras.reports.table_facts import TableFacts


def noise(facts: TableFacts) -> str:
    """The noise of one training compared with the gaps between cells, and pairs that are the same network."""
    accuracies, quarter = facts.accuracies, facts.quarter
    rows = []
    for what, chosen in ((f"all {len(facts.best):,}", facts.best), (f"the best {len(quarter):,}", quarter)):
        one = table_statistics.noise_of(accuracies.valid[chosen])
        count = facts.valid.num_trainings[chosen].mean()
        gaps = -np.diff(facts.valid.mean[chosen])
        rows.append(
            [what, percent(one.single, digits=3), percent(one.single / count**0.5, digits=3)]
            + [percent(one.between, digits=3), percent(np.median(gaps) if len(gaps) else math.nan, digits=3)]
        )
    lines = [
        "## Noise",
        "In points of validation accuracy. The noise of one training is the standard deviation about its cell's mean, "
        "pooled over cells. The spread between cells is the standard deviation of their means, corrected for noise.",
        make_table(["cells ", "one training", "a cell's mean", "between cells", "median gap to the next"], rows),
    ]
    if not math.isnan(table_statistics.noise_of(accuracies.valid).single):
        lines.append(
            f"By the noise of the best {len(quarter)}, {count_ties(facts)} cells, the best included, are within two "
            "standard errors (of a difference of two means) of the best: the table does not tell them apart."
        )
    pairs = table_statistics.same_networks(facts.space, accuracies)
    if pairs:
        lines += ["### Pairs that are the same network", *_pair_texts(facts, pairs)]
    else:
        lines.append("No two cells of the table are the same network.")
    return "\n\n".join(lines)


def _pair_texts(facts: TableFacts, pairs: Sequence[table_statistics.Pair]) -> list[str]:
    rows = [
        [code(facts.names[pair.first]), code(facts.names[pair.second]), percent(pair.gap, sign=True, digits=3)]
        + [percent(pair.error, digits=3), number(pair.gap / pair.error if pair.error > 0 else math.nan)]
        + [number(pair.p_value, 3)]
        for pair in pairs
    ]
    texts = [
        "The two cells of a pair differ only by the noise of training. The table shows their gap, the standard error "
        "that their own noise predicts for it (both in points), and Student's test:",
        make_table(["cell ", "same as ", "gap", "predicted", "gap / predicted", "p-value"], rows),
    ]
    tested = [pair for pair in pairs if not math.isnan(pair.p_value)]
    if tested:
        ratio = float(np.mean([(pair.gap / pair.error) ** 2 for pair in tested]) ** 0.5)
        texts.append(
            f"The root mean square of gap / predicted is {number(ratio)}, where noise alone gives about 1; "
            f"{sum(pair.p_value < 0.05 for pair in tested)} of {len(tested)} p-values are below 0.05, where noise "
            f"alone gives {number(0.05 * len(tested), 1)} on average."
        )
    return texts


def order(facts: TableFacts) -> str:
    """The rank correlations between seeds, and of validation with test."""
    rows = []
    for what, chosen in ((f"all {len(facts.best):,}", facts.best), (f"best {len(facts.quarter):,}", facts.quarter)):
        seeds = table_statistics.seed_correlations(facts.accuracies.valid[chosen])
        over = f"{number(seeds.mean())} ({number(seeds.min())} to {number(seeds.max())})" if len(seeds) else "–"
        rows.append(
            [what, over, number(table_statistics.rank_correlation(facts.valid.mean[chosen], facts.test.mean[chosen]))]
        )
    num_pairs = len(table_statistics.seed_correlations(facts.accuracies.valid))
    return "\n\n".join(
        [
            "## The order of the cells",
            "Spearman's rank correlation: between trainings with different seeds (validation accuracy; mean and range "
            f"of {num_pairs} pairs of seeds), and between mean validation and mean test accuracy.",
            make_table(["cells ", "between seeds", "validation and test"], rows),
        ]
    )


def count_ties(facts: TableFacts) -> int:
    """Counts the cells within two standard errors of the best, itself included, by the noise of the best quarter."""
    mean, count, best = facts.valid.mean, facts.valid.num_trainings, facts.best[0]
    single = table_statistics.noise_of(facts.accuracies.valid[facts.quarter]).single
    return sum(mean[best] - mean[k] <= 2 * single * (1 / count[best] + 1 / count[k]) ** 0.5 for k in facts.best)
